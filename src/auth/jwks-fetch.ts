/**
 * Fetches an issuer's JWKS once, and validates it.
 *
 * The bearer is sent only to the issuer's own origin or to a configured URL. Discovery may name another origin, and forged
 * discovery would get this program's token.
 *
 * @module
 */
import type { JSONWebKeySet } from 'jose';
import type { JwtCallerConfig } from '../config/types.ts';
import type { Clock } from '../lib/clock.ts';
import { UnreadableFile } from '../lib/files/read-text.ts';
import { readTrusted } from '../lib/files/read-trusted.ts';
import { request } from '../lib/http-client.ts';

/** Far more than an issuer publishes. */
export const MAX_BYTES = 256 * 1024;
const TIMEOUT_MS = 3_000;

/** @throws Error, OutboundError: no word of the answer is in the message */
export async function fetchKeySet(
  { issuer, jwks }: Pick<JwtCallerConfig, 'issuer' | 'jwks'>,
  clock: Clock,
): Promise<JSONWebKeySet> {
  if (jwks.file !== undefined) return parseKeySet(await textOf(jwks.file), jwks.file);
  const bearer = jwks.bearerFile === undefined ? undefined : (await textOf(jwks.bearerFile)).trim();
  const get = async (url: string, trusted: boolean): Promise<string> => {
    const { status, body } = await request({
      url,
      headers: trusted && bearer !== undefined ? { authorization: `Bearer ${bearer}` } : {},
      caFile: jwks.caFile,
      allowInsecureHttp: jwks.allowInsecureHttp,
      proxy: jwks.proxy,
      timeoutMs: TIMEOUT_MS,
      maxBytes: MAX_BYTES,
      clock,
    });
    if (status === 200) return body;
    const fix =
      bearer !== undefined && !trusted
        ? '; bearer_file was not sent there, since it is another origin than the issuer: name it as jwks.url if it may be'
        : '';
    throw new Error(`${new URL(url).origin} answers ${status}${fix}`);
  };
  if (jwks.url !== undefined) return parseKeySet(await get(jwks.url, true), jwks.url);
  const text = await get(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, true);
  const discovery = parseObject(text, `the discovery document of ${issuer}`);
  if (discovery['issuer'] !== issuer) throw new Error(`the discovery document of ${issuer} names another issuer`);
  const uri = discovery['jwks_uri'];
  if (typeof uri !== 'string' || !URL.canParse(uri))
    throw new Error(`the discovery document of ${issuer} has no jwks_uri`);
  return parseKeySet(await get(uri, new URL(uri).origin === new URL(issuer).origin), uri);
}

async function textOf(file: string): Promise<string> {
  try {
    return (await readTrusted(file, MAX_BYTES)).text;
  } catch (error) {
    if (!(error instanceof UnreadableFile)) throw error;
    throw new Error(`${file}: ${error.message}`);
  }
}

/** @throws Error that says what `from` lacks */
export function parseKeySet(text: string, from: string): JSONWebKeySet {
  const { keys } = parseObject(text, from);
  if (!Array.isArray(keys)) throw new Error(`${from} is no JWKS: it has no list "keys"`);
  // With a symmetric key, the published value could sign.
  const usable = keys.filter(
    (key): key is JSONWebKeySet['keys'][number] =>
      typeof key === 'object' && key !== null && typeof key.kty === 'string' && key.kty !== 'oct' && !('d' in key),
  );
  if (usable.length === 0) throw new Error(`${from} holds no public key`);
  return { keys: usable };
}

function parseObject(text: string, from: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text.
    throw new Error(`${from} is no JSON`);
  }
  if (typeof value !== 'object' || value === null) throw new Error(`${from} is no JSON object`);
  return value as Record<string, unknown>;
}
