/**
 * What a projected token's file says without its signature being checked: for set-up and findings, never for a decision.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import { decodeJwt, decodeProtectedHeader, type JWTPayload } from 'jose';

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
