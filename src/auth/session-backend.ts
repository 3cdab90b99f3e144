/**
 * Callers that prove themselves by a session of the backend: `GET {backend}/session/validate` with the same bearer.
 *
 * How long an answer is believed: a yes for `cache_ttl` (at most 30 s) at the endpoint and never for a mint, a 401 for 5 s,
 * a failure never. There is no stale yes in an outage. Bearers are kept only as an HMAC under a key of this process.
 *
 * @module
 */
import { createHash, createHmac, createSecretKey, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { CallerListener, SessionBackendConfig } from '../config/types.ts';
import type { Clock } from '../lib/clock.ts';
import { InvalidAuthorizationToken } from '../lib/errors.ts';
import { errorFields } from '../lib/log.ts';
import type { Caller } from './caller.ts';
import type { ProofWorkloads } from './dynamic-workloads.ts';
import { type SessionVerdict, validateSession } from './session-validate.ts';

const REFUSED_MS = 5_000;
const MAX_HELD = 10_000;
/** Questions under way at once, per listener. The next one gives up the oldest, so that slow ones keep nobody out. */
const MAX_QUESTIONS = 256;
/** How long a failure is shown as one where nobody has asked again. */
const PROBLEM_MS = 60_000;

/** What may be carried to the backend at all. */
export const SESSION_BEARER = /^[A-Za-z0-9._~-]{16,512}$/;

/** A verdict and, for a yes, until when it is believed; wall time in ms. */
type Judged = SessionVerdict & { readonly until: number };

export interface SessionBackend {
  /** @throws InvalidAuthorizationToken, WorkloadUnknown, SessionBackendUnavailable */
  resolve(bearer: string): Promise<Caller>;
  /** For readiness: the failure of the last minute, undefined after a success. */
  readonly problem: string | undefined;
}

export interface SessionBackendOptions {
  readonly config: SessionBackendConfig;
  readonly workloads: ProofWorkloads;
  readonly clock: Clock;
  /**
   * At the endpoint a yes is believed for a while, and a refusal is the same for every token. At the broker each mint is
   * validated by a call of its own, and the backend's words are passed on.
   */
  readonly listener: CallerListener;
}

export function createSessionBackend({ config, workloads, clock, listener }: SessionBackendOptions): SessionBackend {
  const secret = createSecretKey(randomBytes(32));
  const believedMs = listener === 'endpoint' ? config.cacheTtlMs : 0;
  const verdicts = new LRUCache<string, Judged>({
    max: MAX_HELD,
    perf: { now: () => clock.monotonic() },
    ttlResolution: 0,
    ttl: REFUSED_MS,
  });
  const flights = new Map<string, Promise<Judged>>();
  let failure: { readonly message: string; readonly at: number } | undefined;

  /** The oldest first. */
  const questions = new Set<AbortController>();

  const ask = async (bearer: string, key: string): Promise<Judged> => {
    const question = new AbortController();
    const [oldest] = questions;
    if (questions.size >= MAX_QUESTIONS) oldest?.abort();
    questions.add(question);
    try {
      const verdict = await validateSession(config, bearer, { clock, signal: question.signal });
      failure = undefined;
      const ttl = 'refused' in verdict ? REFUSED_MS : believedMs;
      const judged = { ...verdict, until: clock.wall() + ttl };
      if (ttl > 0) verdicts.set(key, judged, { ttl });
      return judged;
    } catch (error) {
      failure = { message: errorFields(error).message, at: clock.monotonic() };
      throw error;
    } finally {
      questions.delete(question);
    }
  };

  const judge = async (bearer: string): Promise<Judged> => {
    const key = createHmac('sha256', secret).update(bearer).digest('base64');
    const known = verdicts.get(key);
    if (known !== undefined) return known;
    const underWay = flights.get(key);
    if (underWay !== undefined) {
      const judged = await underWay;
      // A refusal is everybody's; a yes that isn't believed counts only for the mint that asked.
      return 'refused' in judged || believedMs > 0 ? judged : ask(bearer, key);
    }
    const flight = ask(bearer, key).finally(() => flights.delete(key));
    flights.set(key, flight);
    return flight;
  };

  return {
    async resolve(bearer) {
      const judged = await judge(bearer);
      if ('refused' in judged) {
        throw new InvalidAuthorizationToken(
          listener === 'broker' ? judged.refused : 'the authorization token is missing or not one that is known',
        );
      }
      return {
        workload: workloads.vouchedFor({
          by: 'session',
          source: config.url,
          subject: '',
          wallet: judged.wallet,
          allowed: config.wallets,
        }),
        kind: 'session',
        tokenHash: createHash('sha256').update(bearer).digest('hex'),
        // Renewal in the background ends with the belief in the session; the next request asks anew.
        proofExpiresAt: judged.until,
      };
    },
    get problem() {
      return failure !== undefined && clock.monotonic() - failure.at < PROBLEM_MS ? failure.message : undefined;
    },
  };
}
