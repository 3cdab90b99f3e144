/**
 * Vending: the cache in front, one fetch an identity behind it, the audit log between them and the caller.
 *
 * Life left is checked at every answer, so a suspended machine or a stepped clock vends nothing that has expired.
 *
 * @module
 */
import type { AuditLog } from '../audit/log.ts';
import type { Caller } from '../auth/caller.ts';
import type { IdentityTokenSource } from '../identity-token/identity-token.ts';
import type { Clock } from '../lib/clock.ts';
import { type AuditUnavailable, CredentialsUninitialized, ResponseTooLarge } from '../lib/errors.ts';
import type { Logger } from '../lib/log.ts';
import type { Metrics } from '../lib/metrics.ts';
import { withTimeout } from '../lib/timeout.ts';
import type { Workload } from '../workload/workload.ts';
import { auditUnavailable } from './ask-sts.ts';
import { AuditCoalescer } from './audit-coalescer.ts';
import { Backoff } from './backoff.ts';
import { credentialsBody } from './body.ts';
import { CachedCredentials, type Vended } from './cached.ts';
import { type Credentials, lifeLeft } from './credentials.ts';
import { createFetcher } from './fetch.ts';
import { Flight } from './flight.ts';
import { Limiter } from './limiter.ts';
import { DEFAULT_LIMITS, type VendingLimits } from './limits.ts';
import { noLongerConfigured, WorkloadRegistry } from './registry.ts';
import { Renewal } from './renewal.ts';
import { statusOf, type WorkloadStatus } from './status.ts';
import type { Exchange } from './sts/exchange.ts';
import { presentedBy, type WorkloadState } from './workload-state.ts';

export type { Vended } from './cached.ts';
export type { WorkloadStatus } from './status.ts';

export interface Vending {
  /**
   * Credentials for a caller. Cached ones are returned at once, without a promise, where their audit record is on disk.
   * Otherwise they follow once the record is written, or after a fetch of at most 0.9 s.
   *
   * @param spent ms of those 0.9 s that authentication has taken already
   * @throws CredentialsUninitialized, AuditUnavailable, and every failure of exchange and identity token
   */
  vend(caller: Caller, spent?: number): Vended | Promise<Vended>;
  /** Always a fresh exchange, never cached, under the same limit and back-off. For `mint-aws-creds`, `credentials`. */
  mint(caller: Caller, via: 'mint-aws-creds' | 'exec' | 'credentials'): Promise<Credentials>;
  /**
   * Swaps the snapshot: what it lacks is dropped, its renewals cancelled, and what ends later is discarded and audited.
   *
   * @param isMade whether the new configuration would make a dynamic workload just the same; default: none
   */
  reconcile(
    workloads: readonly { readonly workload: Workload; readonly prefetch: boolean }[],
    isMade?: (dynamic: Workload) => boolean,
  ): void;
  /** Of the configured workloads. */
  status(): readonly WorkloadStatus[];
  /** Stops renewing and cancels what is under way. */
  close(): Promise<void>;
}

export interface VendingOptions {
  readonly clock: Clock;
  readonly exchange: Exchange;
  readonly tokens: IdentityTokenSource;
  readonly auditLog: AuditLog;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** 0 to 1; for jitter and back-off. Default `Math.random`. */
  readonly random?: () => number;
  readonly limits?: Partial<VendingLimits>;
}

export function createVending(options: VendingOptions): Vending {
  const { clock, auditLog, log, random = Math.random } = options;
  const limits: VendingLimits = { ...DEFAULT_LIMITS, ...options.limits };
  const backoff = new Backoff({ clock, random, limits });
  const coalescer = new AuditCoalescer({ clock, auditLog, log, limits });
  const limiter = new Limiter({
    clock,
    random,
    initial: limits.concurrency,
    max: limits.maxConcurrency,
    pauseFirst: limits.throttlePauseFirst,
    pauseMax: limits.throttlePauseMax,
  });
  const fetchCredentials = createFetcher({ ...options, limits, backoff, limiter });
  const registry = new WorkloadRegistry(limits.dynamicWorkloads);
  const renewal = new Renewal({ clock, limits, registry, fetch: state => void join(state, undefined) });
  const mints = new Set<Flight<Credentials>>();
  let closed = false;

  /** Joins the fetch that is under way, or begins one. */
  function join(state: WorkloadState, caller: Caller | undefined): Promise<CachedCredentials> {
    if (state.flight === undefined) {
      state.fetchBegan = clock.monotonic();
      const presented = (caller && presentedBy(caller)) ?? state.presented;
      state.flight = new Flight(caller, async flight => {
        try {
          const fetched = await fetchCredentials({
            state,
            via: 'endpoint',
            flight,
            presented,
            prepare: credentialsBody,
          });
          const { minRemainingLifetime } = limits;
          const parts = { body: fetched.prepared, minRemainingLifetime, jitter: random() };
          const cached = new CachedCredentials(state.workload, fetched.credentials, parts);
          state.cached = cached;
          state.fetchedAt = clock.wall();
          if (fetched.caller !== undefined) coalescer.open(cached, fetched.caller);
          return cached;
        } finally {
          state.flight = undefined;
          renewal.consider(state);
        }
      });
    }
    state.flight.caller ??= caller;
    return state.flight.result;
  }

  /** The last step before credentials leave: their identity is in the snapshot, they are good, a record covers them. */
  async function release(state: WorkloadState, caller: Caller, cached: CachedCredentials, answer: Vended) {
    if (!coalescer.isAudited(cached, caller, clock.monotonic())) await coalescer.record(cached, caller);
    if (closed) throw closing();
    const { workload, credentials } = cached;
    if (state.removed) {
      const event = { at: clock.wall(), workload, requester: caller, via: 'endpoint', credentials } as const;
      auditLog
        .append({ type: 'exchange-discarded', ...event })
        .catch(err => log.error({ err }, 'the record of a discarded vend is lost'));
      throw noLongerConfigured(workload);
    }
    if (cached.left(clock.wall(), clock.monotonic()) <= 0) throw notYet(workload);
    return answer;
  }

  async function fetchAndVend(caller: Caller, spent: number): Promise<Vended> {
    if (closed) throw closing();
    const state = registry.of(caller);
    const now = clock.monotonic();
    state.requested(caller, now);
    if (state.flight === undefined) {
      if (!auditLog.available) throw auditUnavailable(auditLog.reason);
      const error = backoff.remembered(state, caller, now);
      if (error !== undefined) throw error;
    }
    const left = () => Math.max(0, limits.requestTimeout - spent - (clock.monotonic() - now));
    const cached = await withTimeout(join(state, caller), left(), clock, () => notYet(state.workload));
    const answer = { ...cached.cached, source: 'fetched' } as const;
    return withTimeout(release(state, caller, cached, answer), left(), clock, slowAudit);
  }

  function recordAndVend(state: WorkloadState, caller: Caller, cached: CachedCredentials): Promise<Vended> {
    return withTimeout(release(state, caller, cached, cached.cached), limits.requestTimeout, clock, slowAudit);
  }

  return {
    // The hot path: one look-up, two clock readings, comparisons, a count. No promise, no closure.
    vend(caller, spent = 0) {
      const state = registry.find(caller.workload);
      const cached = state?.cached;
      if (state === undefined || cached === undefined || closed) return fetchAndVend(caller, spent);
      const now = clock.monotonic();
      const left = cached.left(clock.wall(), now);
      if (left < cached.minRemainingLifetime) return fetchAndVend(caller, spent);
      state.requested(caller, now);
      if (left < cached.renewBelow && state.flight === undefined) renewal.consider(state);
      return coalescer.isAudited(cached, caller, now) ? cached.cached : recordAndVend(state, caller, cached);
    },

    async mint(caller, via) {
      if (closed) throw closing();
      const state = registry.of(caller);
      if (!auditLog.available) throw auditUnavailable(auditLog.reason);
      const error = backoff.remembered(state, caller, clock.monotonic());
      // Size is a limit of the endpoint's clients alone.
      if (error !== undefined && !(error instanceof ResponseTooLarge)) {
        // STS was not asked, but each call is in the audit log.
        const event = { at: clock.wall(), workload: state.workload, requester: caller, via } as const;
        auditLog.recordFailure({ type: 'exchange-failed', ...event, error });
        throw error;
      }
      const presented = presentedBy(caller) ?? state.presented;
      const maxQueueMs = limits.mintQueueTimeout;
      const mint = new Flight<Credentials>(caller, async flight => {
        const prepare = (credentials: Credentials) => credentials;
        const { credentials } = await fetchCredentials({ state, via, flight, presented, maxQueueMs, prepare });
        return credentials;
      });
      mints.add(mint);
      try {
        const credentials = await mint.result;
        // The record may have taken its time.
        if (lifeLeft(credentials, clock) <= 0) throw notYet(state.workload);
        return credentials;
      } finally {
        mints.delete(mint);
      }
    },

    reconcile(workloads, isMade = () => false) {
      if (closed) return;
      registry.swap(workloads, isMade);
      const now = clock.monotonic();
      for (const state of registry.configured()) {
        if (state.prefetch && state.lastRequestedAt === Number.NEGATIVE_INFINITY) state.lastRequestedAt = now;
      }
      renewal.look();
    },

    status: () => [...registry.configured()].map(state => statusOf(state, clock)),

    async close() {
      if (closed) return;
      closed = true;
      renewal.close();
      limiter.close();
      for (const state of registry.all()) state.flight?.cancel(closing());
      for (const mint of mints) mint.cancel(closing());
      await coalescer.close();
    },
  };
}

function notYet({ name }: Workload): CredentialsUninitialized {
  return new CredentialsUninitialized(`no credentials for workload ${name} yet; the exchange goes on`);
}

function slowAudit(): AuditUnavailable {
  return auditUnavailable('the write did not finish in time');
}

function closing(): CredentialsUninitialized {
  return new CredentialsUninitialized('walletcreds is shutting down');
}
