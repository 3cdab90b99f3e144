/**
 * Callers that prove themselves by a JWT of a configured issuer: a Kubernetes service account, a session of the backend.
 *
 * The token is hostile until it is verified: the issuer is looked up byte for byte and only its own keys are tried, the
 * algorithms are asymmetric ones, `jku`, `x5u` and `jwk` headers are never followed. What it proves is bounded by the
 * configuration: a `sub` maps to one workload, or a claim names a wallet that this issuer may vouch for.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, type JWTPayload, jwtVerify } from 'jose';
import type { Clock } from '../clock.ts';
import type { JwtCallerConfig } from '../config/config.ts';
import { BackendUnreachable, InvalidAuthorizationToken, WorkloadUnknown } from '../errors.ts';
import { errorFields } from '../log.ts';
import type { Caller } from './caller.ts';
import type { IssuerKeys } from './jwks.ts';
import { checkNode } from './node-agent.ts';
import type { ProofWorkloads } from './proof-workloads.ts';

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
const MAX_IAT_AHEAD_S = 60;
const MAX_LENGTH = 16_384;

/** Whether a value is to be judged as a JWT, and as nothing else. */
export function looksLikeJwt(value: string): boolean {
  return /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$/.test(value);
}

export interface JwtCallersOptions {
  /** Those of this listener alone. */
  readonly issuers: readonly { readonly config: JwtCallerConfig; readonly keys: IssuerKeys }[];
  readonly workloads: ProofWorkloads;
  readonly clock: Clock;
}

export interface JwtCallers {
  /**
   * @throws InvalidAuthorizationToken for whatever is wrong with the token (the reason is in `cause`, for the log);
   *   WorkloadUnknown for a good one that maps to no workload; BackendUnreachable where the issuer's keys can't be had
   */
  resolve(jwt: string): Promise<Caller>;
}

export function createJwtCallers({ issuers, workloads, clock }: JwtCallersOptions): JwtCallers {
  return {
    async resolve(jwt) {
      if (jwt.length > MAX_LENGTH) throw refused('longer than 16,384 characters');
      const { kid, iss } = peek(jwt);
      const found = issuers.find(({ config }) => config.issuer === iss);
      if (found === undefined) throw refused('of an issuer that is not configured for this listener');
      const { config, keys } = found;
      const set = await keys.get(kid).catch(error => {
        throw new BackendUnreachable(`the keys of ${config.issuer} can't be had: ${errorFields(error).message}`, {
          cause: error,
        });
      });
      const now = Math.floor(clock.wall() / 1_000);
      const { payload } = await jwtVerify(jwt, createLocalJWKSet(set), {
        algorithms: ALGORITHMS,
        issuer: config.issuer,
        audience: config.audience,
        requiredClaims: ['exp', 'iat', 'sub'],
        currentDate: new Date(clock.wall()),
      }).catch(error => {
        throw refused(errorFields(error).message);
      });
      checkTimes(payload, now);
      if (Array.isArray(payload.aud) && payload.aud.length !== 1) throw refused('with more than one audience');
      checkNode(payload, config);
      return {
        workload: identify(payload, config, workloads),
        kind: 'jwt',
        tokenHash: createHash('sha256').update(jwt).digest('hex'),
        proof: jwt,
        proofExpiresAt: (payload.exp ?? 0) * 1_000,
      };
    },
  };
}

function peek(jwt: string): { kid: string | undefined; iss: unknown } {
  try {
    const { kid } = decodeProtectedHeader(jwt);
    return { kid: typeof kid === 'string' ? kid : undefined, iss: decodeJwt(jwt).iss };
  } catch {
    throw refused('that can’t be decoded');
  }
}

function checkTimes(payload: JWTPayload, now: number): void {
  const { iat = 0, exp = 0 } = payload;
  if (iat > now + MAX_IAT_AHEAD_S) throw refused('with an iat in the future');
  if (exp - iat > MAX_LIFETIME_S) throw refused('that lives longer than 24 h');
}

function identify(payload: JWTPayload, config: JwtCallerConfig, workloads: ProofWorkloads) {
  const sub = payload.sub ?? '';
  if (sub === '') throw refused('with an empty sub');
  if (config.subjects !== undefined) {
    // Own properties alone: `sub` is the caller's, and may be `__proto__` or `constructor`.
    const name = Object.hasOwn(config.subjects, sub) ? config.subjects[sub] : undefined;
    const workload = name === undefined ? undefined : workloads.configured(name);
    if (workload === undefined)
      throw new WorkloadUnknown('this subject maps to no workload; add it under callers.jwt[].subjects');
    return workload;
  }
  const claim = claimAt(payload, config.walletClaim ?? '');
  return workloads.vouchedFor({
    by: 'jwt',
    source: config.issuer,
    subject: sub,
    wallet: claim,
    allowed: config.wallets ?? [],
  });
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

function refused(why: string): InvalidAuthorizationToken {
  return new InvalidAuthorizationToken('the authorization token is missing or not one that is known', {
    cause: new Error(`a JWT ${why}`),
  });
}
