/**
 * A web identity token, verified as STS does it: issuer registered, signature by a key of that issuer's JWKS, audience
 * among the client ids, times. The algorithm is the key's, never the token's choice.
 *
 * @module
 */
import { compactVerify, decodeProtectedHeader, importJWK, type JWK } from 'jose';
import { invalidIdentityToken, noVerificationKey, StsError } from './errors.ts';
import type { Provider } from './issuers.ts';

/** A token whose signature, audience and time were verified. */
export interface WebIdentity {
  readonly provider: Provider;
  readonly subject: string;
  /** `azp` where the token has one, else the `aud` that is a client id: the `…:aud` of conditions. */
  readonly audience: string;
  /** `aud` itself: the `…:oaud` of conditions. */
  readonly tokenAudiences: readonly string[];
  readonly claims: Readonly<Record<string, unknown>>;
}

/** What STS takes. By key: RSA has three, a curve has one. */
const EC: Record<string, string> = { 'P-256': 'ES256', 'P-384': 'ES384', 'P-521': 'ES512' };
const RSA = ['RS256', 'RS384', 'RS512'];
/** How far ahead of us an issuer's clock may be in `iat` and `nbf`. `exp` has no leeway. */
const LEEWAY_S = 60;
/** Base64url knows no padding (RFC 7515, section 2), and nothing may stand around the three parts. */
const COMPACT = /^[\w-]+\.[\w-]+\.[\w-]*$/;
const NOT_A_JWT = 'The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)';

/** @param now unix seconds. @throws StsError */
export async function verifyToken(
  jwt: string,
  providers: ReadonlyMap<string, Provider>,
  now: number,
): Promise<WebIdentity> {
  const { header, claims } = decode(jwt);
  const iss = claims['iss'];
  if (typeof iss !== 'string') throw invalidIdentityToken('Missing a required claim: iss');
  const provider = providers.get(iss);
  if (provider === undefined) {
    throw invalidIdentityToken(`No OpenIDConnect provider found in your account for ${iss.slice(0, 255)}`);
  }
  await verifySignature(jwt, header, provider);
  const exp = seconds(claims, 'exp');
  const iat = seconds(claims, 'iat');
  const nbf = seconds(claims, 'nbf', false);
  if (now >= exp) {
    throw new StsError(
      'ExpiredTokenException',
      `Token expired: current date/time ${Math.floor(now)} must be before the expiration date/time ${exp}`,
    );
  }
  if (iat > now + LEEWAY_S) throw invalidIdentityToken('The token was issued in the future (iat)');
  if (nbf > now + LEEWAY_S) throw invalidIdentityToken('The token is not valid yet (nbf)');
  const subject = claims['sub'];
  if (subject === undefined) throw invalidIdentityToken('Missing a required claim: sub');
  if (typeof subject !== 'string' || subject === '' || subject.length > 255) {
    throw invalidIdentityToken('The claim sub must be a string of 1 to 255 characters');
  }
  return { provider, subject, claims, ...audienceOf(claims, provider) };
}

function decode(jwt: string): { header: { alg?: unknown; kid?: unknown }; claims: Record<string, unknown> } {
  try {
    const [, payload = ''] = jwt.split('.');
    // A byte order mark stays in the text, which then is no JSON.
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(payload, 'base64url'));
    const claims: unknown = JSON.parse(text);
    if (COMPACT.test(jwt) && typeof claims === 'object' && claims !== null && !Array.isArray(claims)) {
      return { header: decodeProtectedHeader(jwt), claims: claims as Record<string, unknown> };
    }
  } catch {}
  throw invalidIdentityToken(NOT_A_JWT);
}

async function verifySignature(
  jwt: string,
  header: { alg?: unknown; kid?: unknown },
  provider: Provider,
): Promise<void> {
  const { alg, kid } = header;
  if (typeof alg !== 'string' || !(RSA.includes(alg) || Object.values(EC).includes(alg))) {
    throw invalidIdentityToken('The signing algorithm must be one of RS256, RS384, RS512, ES256, ES384, ES512');
  }
  if ('crit' in header) throw invalidIdentityToken('The token has critical header parameters');
  let jwks = pick(await provider.keys(), kid, alg);
  if (jwks.length === 0) jwks = pick(await provider.keys(true), kid, alg);
  if (jwks.length === 0) throw noVerificationKey('no key of the JWKS fits kid and alg of the token');
  for (const { kty, n, e, crv, x, y } of jwks) {
    try {
      // Only the public members: a JWKS that leaks `d` is read like any other.
      const key = await importJWK({ kty, n, e, crv, x, y } as JWK, alg);
      await compactVerify(jwt, key, { algorithms: [alg] });
      return;
    } catch {
      // Another key may have the same kid.
    }
  }
  throw invalidIdentityToken('The token signature is not valid');
}

/**
 * The keys that the token's `kid` names, or the only one there is; fit for `alg` by type, curve, `use`, `key_ops` and their
 * own `alg`.
 */
function pick(keys: readonly JWK[], kid: unknown, alg: string): readonly JWK[] {
  const fit = keys.filter(
    key =>
      (key.kty === 'RSA' ? RSA.includes(alg) : key.kty === 'EC' && EC[key.crv ?? ''] === alg) &&
      (key.alg === undefined || key.alg === alg) &&
      (key.use === undefined || key.use === 'sig') &&
      (key.key_ops === undefined || key.key_ops.includes('verify')),
  );
  if (kid !== undefined) return fit.filter(key => key.kid === kid);
  return fit.length === 1 ? fit : [];
}

function seconds(claims: Record<string, unknown>, name: string, required = true): number {
  const value = claims[name];
  if (value === undefined && !required) return 0;
  if (value === undefined) throw invalidIdentityToken(`Missing a required claim: ${name}`);
  // STS's reference: "Timestamps in the token must be formatted as either an integer or a long integer."
  if (!Number.isSafeInteger(value)) throw invalidIdentityToken(`The claim ${name} must be an integer (unix seconds)`);
  return value as number;
}

function audienceOf(claims: Record<string, unknown>, provider: Provider) {
  const { aud, azp } = claims;
  if (aud === undefined) throw invalidIdentityToken('Missing a required claim: aud');
  const tokenAudiences = Array.isArray(aud) ? aud : [aud];
  if (!tokenAudiences.every(value => typeof value === 'string')) {
    throw invalidIdentityToken('The claim aud must be a string or a list of strings');
  }
  const candidates: unknown[] = azp === undefined ? tokenAudiences : [azp];
  const audience = provider.audiences.find(clientId => candidates.includes(clientId));
  if (audience === undefined) throw invalidIdentityToken('Incorrect token audience');
  return { audience, tokenAudiences: tokenAudiences as string[] };
}
