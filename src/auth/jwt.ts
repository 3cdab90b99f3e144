/**
 * Authentication by a JWT of a configured issuer, such as a Kubernetes service account's.
 *
 * The issuer is compared byte for byte, and only its own keys are tried. Algorithms are asymmetric. `jku`, `x5u` and `jwk`
 * headers are never followed. The configuration maps `sub` to one workload, or a claim names a wallet that this issuer may
 * state.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { decodeJwt, type JWTPayload, jwtVerify } from 'jose';
import type { JwtCallerConfig } from '../config/types.ts';
import type { Clock } from '../lib/clock.ts';
import { InvalidAuthorizationToken, IssuerUnavailable, WorkloadUnknown } from '../lib/errors.ts';
import { isObject, parseStrictJson } from '../lib/json.ts';
import { errorFields } from '../lib/log.ts';
import { forwardsCaller, type Workload } from '../workload/workload.ts';
import type { Caller } from './caller.ts';
import type { DynamicWorkloads } from './dynamic-workloads.ts';
import type { JwksCache } from './jwks.ts';
import { checkNode } from './node-agent.ts';

const ALGORITHMS = [
  'ES256',
  'ES384',
  'ES512',
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'EdDSA',
  'Ed25519',
];
const MAX_LIFETIME_S = 24 * 3_600;
/** How far the issuer's clock may be ahead: for `iat` and `nbf`, never for `exp`. */
const CLOCK_AHEAD_S = 60;
const MAX_LENGTH = 16_384;
/** Base64url. Issuers write a few hundred; one with a certificate chain, which is never read, a few thousand. */
const MAX_HEADER_LENGTH = 4_096;

/** Whether a value is taken as a JWT and nothing else: three parts, of which the signature may be empty. */
export function looksLikeJwt(value: string): boolean {
  return /^[\w-]*\.[\w-]*\.[\w-]*$/.test(value);
}

export interface JwtAuthenticatorOptions {
  /** The issuers of this listener. */
  readonly issuers: readonly { readonly config: JwtCallerConfig; readonly keys: JwksCache }[];
  readonly workloads: Pick<DynamicWorkloads, 'configured' | 'workloadFor'>;
  readonly clock: Clock;
}

export interface JwtAuthenticator {
  /**
   * @throws InvalidAuthorizationToken for an invalid token, with the reason in `cause` for the log; WorkloadUnknown for a
   *   valid token without a workload; IssuerUnavailable without the issuer's keys
   */
  authenticate(jwt: string): Promise<Caller>;
}

export function createJwtAuthenticator({ issuers, workloads, clock }: JwtAuthenticatorOptions): JwtAuthenticator {
  return {
    async authenticate(jwt) {
      if (jwt.length > MAX_LENGTH) throw refused('longer than 16,384 characters');
      const { kid, iss } = peek(jwt);
      const found = issuers.find(({ config }) => config.issuer === iss);
      if (found === undefined) throw refused('of an issuer that is not configured for this listener');
      const { config, keys } = found;
      const lookup = await keys.get(kid).catch(error => {
        throw issuerUnavailable(`the keys of ${config.issuer} can't be fetched: ${errorFields(error).message}`);
      });
      const { payload } = await jwtVerify(jwt, lookup, {
        algorithms: ALGORITHMS,
        issuer: config.issuer,
        audience: config.audience,
        requiredClaims: ['exp', 'iat', 'sub'],
        currentDate: new Date(clock.wall()),
        clockTolerance: CLOCK_AHEAD_S,
      }).catch(error => {
        throw refused(`that fails its check: ${errorFields(error).message}`);
      });
      const { exp = 0 } = payload;
      checkTimes(payload, clock.wall() / 1_000);
      if (Array.isArray(payload.aud) && payload.aud.length !== 1) throw refused('with more than one audience');
      checkNode(payload, config);
      const workload = identify(payload, config, workloads);
      return {
        workload,
        kind: 'jwt',
        tokenHash: createHash('sha256').update(jwt).digest('hex'),
        ...(forwardsCaller(workload.identityToken) ? { presentedToken: jwt } : {}),
        presentedUntil: exp * 1_000,
      };
    },
  };
}

/** Whether there is no other text for the same bytes: unused bits at an end would let two tokens pass for one. */
function isCanonical(part: string): boolean {
  return Buffer.from(part, 'base64url').toString('base64url') === part;
}

/** Reads claims before the signature is verified: only to choose the keys to try. */
function peek(jwt: string): { kid: string | undefined; iss: unknown } {
  const { kid } = headerOf(jwt);
  if (!jwt.split('.').every(isCanonical)) throw refused('that can’t be decoded');
  try {
    return { kid: typeof kid === 'string' ? kid : undefined, iss: decodeJwt(jwt).iss };
  } catch {
    throw refused('that can’t be decoded');
  }
}

/** The protected header, checked before the library sees it: a critical extension is refused, whatever its name. */
function headerOf(jwt: string): Record<string, unknown> {
  const encoded = jwt.slice(0, jwt.indexOf('.'));
  if (encoded.length > MAX_HEADER_LENGTH) throw refused(`with a header of more than ${MAX_HEADER_LENGTH} characters`);
  let header: unknown;
  try {
    header = parseStrictJson(Buffer.from(encoded, 'base64url').toString('utf8'));
  } catch {
    throw refused('that can’t be decoded');
  }
  if (!isObject(header)) throw refused('that can’t be decoded');
  if (Object.hasOwn(header, 'crit')) throw refused('with a critical extension in its header');
  if (!ALGORITHMS.some(known => known === header['alg'])) throw refused('with an algorithm that is not taken');
  return header;
}

function checkTimes({ iat = 0, exp = 0 }: JWTPayload, now: number): void {
  if (exp <= now) throw refused('that has expired');
  if (iat > now + CLOCK_AHEAD_S) throw refused('with an iat in the future');
  if (exp - iat > MAX_LIFETIME_S) throw refused('that lives longer than 24 h');
}

function identify(
  payload: JWTPayload,
  config: JwtCallerConfig,
  workloads: JwtAuthenticatorOptions['workloads'],
): Workload {
  const sub: unknown = payload.sub;
  if (typeof sub !== 'string' || sub === '') throw refused('with a sub that is empty or no text');
  if (config.subjects !== undefined) {
    // Own properties alone, since `sub` may be `__proto__` or `constructor`.
    const name = Object.hasOwn(config.subjects, sub) ? config.subjects[sub] : undefined;
    const workload = name === undefined ? undefined : workloads.configured(name);
    if (workload === undefined)
      throw new WorkloadUnknown('this subject maps to no workload; add it under callers.jwt[].subjects');
    return workload;
  }
  const claim = claimAt(payload, config.walletClaim ?? '');
  return workloads.workloadFor({ by: 'jwt', source: config.issuer, subject: sub, wallet: claim });
}

/** Follows a dotted path through objects; an exact key with dots in it wins. */
function claimAt(payload: JWTPayload, path: string): unknown {
  if (Object.hasOwn(payload, path)) return payload[path];
  let value: unknown = payload;
  for (const part of path.split('.')) {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, part))
      return undefined;
    value = (value as Record<string, unknown>)[part];
  }
  return value;
}

/** The answer names neither issuer nor URL; the log does. */
export function issuerUnavailable(why: string): IssuerUnavailable {
  return new IssuerUnavailable("the keys of the token's issuer can't be fetched; ask again", { cause: new Error(why) });
}

function refused(why: string): InvalidAuthorizationToken {
  return new InvalidAuthorizationToken('the authorization token is missing or not one that is known', {
    cause: new Error(`a JWT ${why}`),
  });
}
