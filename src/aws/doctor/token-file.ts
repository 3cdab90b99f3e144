/**
 * What a projected token's file says without its signature being checked: for set-up and findings, never for a decision.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import { decodeJwt, decodeProtectedHeader, type JWTPayload } from 'jose';
import { TAGS_CLAIM } from '../../identity-token/claims.ts';
import { isObject } from '../../lib/json.ts';

/** Claims and key id of the token in a file; undefined where the file can't be read or holds no JWT. */
export function readTokenFile(path: string): { claims: JWTPayload; keyId: string | undefined } | undefined {
  try {
    const jwt = readFileSync(path, 'utf8').trim();
    return { claims: decodeJwt(jwt), keyId: decodeProtectedHeader(jwt).kid };
  } catch {
    return undefined;
  }
}

/** `iss` of the token in a file. */
export function fileTokenIssuer(path: string): string | undefined {
  const issuer = readTokenFile(path)?.claims.iss;
  return typeof issuer === 'string' ? issuer : undefined;
}

/** Principal tags in either form that STS takes, nested and flattened; of several values the first. */
export function principalTagsOf(claims: Readonly<Record<string, unknown>>): Record<string, string> {
  const claim = claims[TAGS_CLAIM];
  const nested = isObject(claim) && isObject(claim['principal_tags']) ? Object.entries(claim['principal_tags']) : [];
  const prefix = `${TAGS_CLAIM}/principal_tags/`;
  const flat = Object.entries(claims)
    .filter(([key]) => key.startsWith(prefix))
    .map(([key, value]) => [key.slice(prefix.length), value] as const);
  return Object.fromEntries(
    [...nested, ...flat].map(([key, value]) => [key, String(Array.isArray(value) ? value[0] : value)]),
  );
}
