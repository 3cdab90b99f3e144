/**
 * Authentication by a session backend: `GET {backend}/session/validate` with the same bearer names the session's wallet.
 *
 * The endpoint keeps an answer with a wallet for `cache_ttl` (at most 30 s); a mint never uses a kept one. A 401 is kept for
 * 5 s. A failure is never kept, so an outage yields no stale wallet. Bearers are kept only as an HMAC under a key of this
 * process.
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
import type { DynamicWorkloads } from './dynamic-workloads.ts';
import { type SessionAnswer, validateSession } from './session-validate.ts';

const REFUSED_MS = 5_000;
const MAX_KEPT = 10_000;
/**
 * Calls in flight at once, per listener. The next one aborts the oldest, so slow calls don't block others. Calls with a
 * bearer that the backend has accepted are aborted last, so that made-up bearers don't keep sessions out.
 */
const MAX_IN_FLIGHT = 256;
/** How long readiness shows a failure without a further call. */
const PROBLEM_MS = 60_000;

/** The form of a bearer that may be sent to the backend. */
export const SESSION_BEARER = /^[A-Za-z0-9._~-]{16,512}$/;

/** An answer, and the wall time in ms until which it is kept. */
type KeptAnswer = SessionAnswer & { readonly until: number };

/** The answers of one backend at one listener. They outlive a reload that leaves the backend as it was. */
export interface SessionBackend {
  /**
   * @param workloads of the current configuration, which decides which wallets are allowed
   * @throws InvalidAuthorizationToken, WorkloadUnknown, SessionBackendUnavailable
   */
  authenticate(bearer: string, workloads: Pick<DynamicWorkloads, 'workloadFor'>): Promise<Caller>;
  /** For readiness: the failure of the last minute, undefined after a success. */
  readonly problem: string | undefined;
}

export interface SessionBackendOptions {
  readonly config: SessionBackendConfig;
  readonly clock: Clock;
  /**
   * The endpoint keeps wallets for a while, and answers every refusal with the same text. The broker validates each mint by
   * a call, and passes the backend's message on.
   */
  readonly listener: CallerListener;
}

export function createSessionBackend({ config, clock, listener }: SessionBackendOptions): SessionBackend {
  const secret = createSecretKey(randomBytes(32));
  const keptMs = listener === 'endpoint' ? config.cacheTtlMs : 0;
  const answers = new LRUCache<string, KeptAnswer>({
    max: MAX_KEPT,
    perf: { now: () => clock.monotonic() },
    ttlResolution: 0,
    ttl: REFUSED_MS,
  });
  const inFlight = new Map<string, Promise<KeptAnswer>>();
  let failure: { readonly message: string; readonly at: number } | undefined;

  /** The oldest first, by whether the backend has accepted their bearer before. */
  const calls = { known: new Set<AbortController>(), unknown: new Set<AbortController>() };
  const accepted = new LRUCache<string, true>({ max: MAX_KEPT });

  const ask = async (bearer: string, key: string): Promise<KeptAnswer> => {
    const call = new AbortController();
    const [oldest] = [...calls.unknown, ...calls.known];
    if (calls.unknown.size + calls.known.size >= MAX_IN_FLIGHT) oldest?.abort();
    const own = accepted.has(key) ? calls.known : calls.unknown;
    own.add(call);
    try {
      const answer = await validateSession(config, bearer, { clock, signal: call.signal });
      failure = undefined;
      const refused = 'refused' in answer;
      if (refused) accepted.delete(key);
      else accepted.set(key, true);
      const ttl = refused ? REFUSED_MS : keptMs;
      const kept = { ...answer, until: clock.wall() + ttl };
      if (ttl > 0) answers.set(key, kept, { ttl });
      return kept;
    } catch (error) {
      const { message } = errorFields(error instanceof Error ? (error.cause ?? error) : error);
      failure = { message, at: clock.monotonic() };
      throw error;
    } finally {
      own.delete(call);
    }
  };

  const answerFor = async (bearer: string): Promise<KeptAnswer> => {
    const key = createHmac('sha256', secret).update(bearer).digest('base64');
    const known = answers.get(key);
    if (known !== undefined) return known;
    const underWay = inFlight.get(key);
    if (underWay !== undefined) {
      const answer = await underWay;
      // A refusal is shared. A wallet that isn't kept counts only for the mint that asked.
      return 'refused' in answer || keptMs > 0 ? answer : ask(bearer, key);
    }
    const asked = ask(bearer, key).finally(() => inFlight.delete(key));
    inFlight.set(key, asked);
    return asked;
  };

  return {
    async authenticate(bearer, workloads) {
      const answer = await answerFor(bearer);
      if ('refused' in answer) {
        throw new InvalidAuthorizationToken(
          listener === 'broker' ? answer.refused : 'the authorization token is missing or not one that is known',
        );
      }
      return {
        workload: workloads.workloadFor({ by: 'session', source: config.url, subject: '', wallet: answer.wallet }),
        kind: 'session',
        tokenHash: createHash('sha256').update(bearer).digest('hex'),
        // Renewal in the background ends when the answer is no longer kept; the next request asks again.
        presentedUntil: answer.until,
      };
    },
    get problem() {
      return failure !== undefined && clock.monotonic() - failure.at < PROBLEM_MS ? failure.message : undefined;
    },
  };
}
