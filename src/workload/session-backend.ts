/**
 * Callers that prove themselves by a session of the backend: `GET {backend}/session/validate` with the same bearer.
 *
 * How long an answer is believed: a yes for `cache_ttl` (at most 30 s) at the endpoint and never for a mint, a 401 for 5 s,
 * a failure never. There is no stale yes in an outage. Bearers are kept only as an HMAC under a key of this process.
 *
 * @module
 */
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock.ts';
import type { SessionBackendConfig } from '../config/config.ts';
import { BackendUnreachable, InvalidAuthorizationToken } from '../errors.ts';
import { errorFields, masked } from '../log.ts';
import { request } from '../outbound.ts';
import type { Caller } from './caller.ts';
import type { ProofWorkloads } from './proof-workloads.ts';

const REFUSED_MS = 5_000;
const MAX_BYTES = 64 * 1024;
const TIMEOUT_MS = 2_000;

/** What may be carried to the backend at all. */
export const SESSION_BEARER = /^[A-Za-z0-9._~-]{16,512}$/;

type Verdict = { readonly wallet: unknown } | { readonly refused: string };

export interface SessionBackend {
  /** @throws InvalidAuthorizationToken, WorkloadUnknown, BackendUnreachable */
  resolve(bearer: string): Promise<Caller>;
  /** For readiness: the last failure, undefined after a success. */
  readonly problem: string | undefined;
}

export interface SessionBackendOptions {
  readonly config: SessionBackendConfig;
  readonly workloads: ProofWorkloads;
  readonly clock: Clock;
  /** False at the broker: each mint is validated by a call of its own. */
  readonly believeYes: boolean;
}

export function createSessionBackend({ config, workloads, clock, believeYes }: SessionBackendOptions): SessionBackend {
  const secret = randomBytes(32);
  const verdicts = new LRUCache<string, Verdict>({
    max: 10_000,
    perf: { now: () => clock.monotonic() },
    ttlResolution: 0,
    ttl: REFUSED_MS,
  });
  const flights = new Map<string, Promise<Verdict>>();
  let problem: string | undefined;

  const ask = async (bearer: string): Promise<Verdict> => {
    try {
      const verdict = await validate(config, bearer);
      problem = undefined;
      return verdict;
    } catch (error) {
      problem = errorFields(error).message;
      throw error;
    }
  };

  const judge = async (bearer: string): Promise<Verdict> => {
    const key = createHmac('sha256', secret).update(bearer).digest('base64');
    const known = verdicts.get(key);
    if (known !== undefined) return known;
    const other = flights.get(key);
    if (other !== undefined) {
      const verdict = await other;
      // A refusal is shared; a yes counts only for the mint that asked.
      return 'refused' in verdict || believeYes ? verdict : ask(bearer);
    }
    const flight = ask(bearer);
    flights.set(key, flight);
    try {
      const verdict = await flight;
      if ('refused' in verdict) verdicts.set(key, verdict, { ttl: REFUSED_MS });
      else if (believeYes && config.cacheTtlMs > 0) verdicts.set(key, verdict, { ttl: config.cacheTtlMs });
      return verdict;
    } finally {
      flights.delete(key);
    }
  };

  return {
    async resolve(bearer) {
      const verdict = await judge(bearer);
      if ('refused' in verdict) throw new InvalidAuthorizationToken(verdict.refused);
      const workload = workloads.vouchedFor({
        by: 'session',
        source: config.url,
        subject: '',
        wallet: verdict.wallet,
        allowed: config.wallets,
      });
      return {
        workload,
        kind: 'session',
        tokenHash: createHash('sha256').update(bearer).digest('hex'),
        proof: bearer,
        // Renewal in the background ends with the belief in the session; the next request asks anew.
        proofExpiresAt: clock.wall() + config.cacheTtlMs,
      };
    },
    get problem() {
      return problem;
    },
  };
}

async function validate(config: SessionBackendConfig, bearer: string): Promise<Verdict> {
  const url = `${config.url.replace(/\/$/, '')}/session/validate`;
  const answer = await request({
    url,
    method: 'GET',
    headers: { authorization: `Bearer ${bearer}`, accept: 'application/json' },
    ...(config.caFile === undefined ? {} : { caFile: config.caFile }),
    allowInsecureHttp: config.allowInsecureHttp,
    timeoutMs: TIMEOUT_MS,
    maxBytes: MAX_BYTES,
  }).catch(error => {
    throw new BackendUnreachable(`the session backend can't be reached: ${errorFields(error).message}`, {
      cause: error,
    });
  });
  const body = parse(answer.body);
  if (answer.status === 401) {
    const said = body?.['message'] ?? body?.['error'];
    // The backend's own words, but never the bearer that it may echo.
    const text =
      typeof said === 'string' && said !== ''
        ? masked(said.replaceAll(bearer, '[bearer]'))
        : 'the session backend refused the session';
    return { refused: text };
  }
  if (answer.status !== 200) throw new BackendUnreachable(`the session backend answered ${answer.status}`);
  if (body === undefined || typeof body['wallet'] !== 'string')
    throw new BackendUnreachable('the session backend answered without a wallet');
  return { wallet: body['wallet'] };
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
