/**
 * Vending, put together: the memory in front, one exchange an identity behind it, the audit between them and the caller.
 *
 * The memory is an lru-cache keyed by the whole identity; its `fetchMethod` gives the single flight, and what is held
 * stays readable while a renewal runs and when it fails. What it can't do is done here and beside: life left is checked
 * at every answer (its own TTL doesn't count a suspended machine), back-off is asked before it is, and its bound lies
 * above the number of identities, since an entry that is evicted in flight rejects those who wait for it.
 *
 * @module
 */
import { LRUCache } from 'lru-cache';
import type { AuditLog } from '../audit/log.ts';
import type { Caller } from '../auth/caller.ts';
import type { IdentityTokenSource } from '../identity-token/identity-token.ts';
import type { Clock } from '../lib/clock.ts';
import { type AuditUnavailable, CredentialsUninitialized, ResponseTooLarge } from '../lib/errors.ts';
import type { Logger } from '../lib/log.ts';
import type { Metrics } from '../lib/metrics.ts';
import { within } from '../lib/timeout.ts';
import { Ledger } from './audit-coalescer.ts';
import { Backoff } from './backoff.ts';
import { Held } from './cached.ts';
import { type Credentials, lifeLeft } from './credentials.ts';
import { auditUnavailable, createAttempt, discardedNow } from './fetch.ts';
import { Limiter } from './limiter.ts';
import { DEFAULT_LIMITS, type VendingLimits } from './limits.ts';
import { Slots } from './registry.ts';
import { Renewal } from './renewal.ts';
import { statusOf } from './status.ts';
import type { Exchange } from './sts/exchange.ts';
import type { Vended, Vending } from './vending.ts';
import type { Slot } from './workload-state.ts';

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
  /** Judges what STS gave before its row is written. @throws WalletcredsError for what no client of the endpoint could read */
  readonly acceptable?: (credentials: Credentials) => unknown;
}

/** Who began an exchange. */
interface Begun {
  readonly slot: Slot;
  readonly caller: Caller | undefined;
}

/** Never reached: the bound is kept by the snapshot, which drops an identity's entry along with the identity. */
const ABOVE_ANY_NUMBER_OF_IDENTITIES = 2 ** 40;

export function createVending(options: VendingOptions): Vending {
  const { clock, auditLog, log, random = Math.random } = options;
  const limits: VendingLimits = { ...DEFAULT_LIMITS, ...options.limits };
  const backoff = new Backoff({ clock, random, limits });
  const ledger = new Ledger({ clock, auditLog, log, limits });
  const attempt = createAttempt({ ...options, limits, backoff, limiter: new Limiter(limits.concurrency) });
  const minting = new Set<AbortController>();
  /** One at most for an identity: whoever needs its outcome waits for that one. */
  const flights = new Map<Slot, Promise<Held>>();
  let closed = false;

  const cache = new LRUCache<string, Held, Begun>({
    maxSize: ABOVE_ANY_NUMBER_OF_IDENTITIES,
    sizeCalculation: () => 1,
    perf: { now: () => clock.monotonic() },
    noDeleteOnFetchRejection: true,
    async fetchMethod(_id, _stale, { signal, context: { slot, caller } }) {
      const { credentials, caller: named } = await attempt({ slot, caller, via: 'endpoint', signal });
      const held = new Held(slot, credentials, { floor: limits.floor, jitter: random() });
      slot.fetchedAt = clock.wall();
      if (named !== undefined) ledger.opened(held, named);
      return held;
    },
  });
  const slots = new Slots({ maxProofs: limits.proofWorkloads, dropped: slot => cache.delete(slot.workload.id) });
  const heldOf = (slot: Slot) => cache.peek(slot.workload.id);
  const renewal = new Renewal({
    clock,
    limits,
    slots,
    held: heldOf,
    fetch: slot => void fetch({ slot, caller: undefined }).catch(() => {}),
    drop: slot => cache.delete(slot.workload.id),
  });

  /** Joins the exchange that is under way, or begins one. */
  function fetch(begun: Begun): Promise<Held> {
    const { slot, caller } = begun;
    slot.waiter ??= caller;
    const underWay = flights.get(slot);
    if (underWay !== undefined) return underWay;
    slot.fetching = true;
    const flight = begin(begun);
    flights.set(slot, flight);
    return flight;
  }

  async function begin(begun: Begun): Promise<Held> {
    const { slot } = begun;
    slot.attemptedAt = clock.monotonic();
    try {
      const held = await cache.fetch(slot.workload.id, { forceRefresh: true, context: begun });
      if (held !== undefined) return held;
    } catch (error) {
      if (!slot.gone && !closed) throw error;
    } finally {
      flights.delete(slot);
      slot.fetching = false;
      slot.waiter = undefined;
      renewal.consider(slot);
    }
    throw closed ? closing() : discardedNow(slot);
  }

  /** The last step before credentials leave: their identity is still in the snapshot, they are good, a row covers them. */
  async function release(held: Held, caller: Caller, answer: Vended): Promise<Vended> {
    if (!ledger.covers(held, caller, clock.monotonic())) await ledger.cover(held, caller);
    const { slot, credentials } = held;
    if (slot.gone || closed) {
      if (closed) throw closing();
      const { workload } = slot;
      const about = { at: clock.wall(), workload, requester: caller, via: 'endpoint' } as const;
      auditLog
        .append({ type: 'exchange-discarded', ...about, credentials })
        .catch(err => log.error({ err }, 'the row of a discarded vend is lost'));
      throw discardedNow(slot);
    }
    if (held.left(clock.wall(), clock.monotonic()) <= 0) throw notYet(slot);
    return answer;
  }

  async function miss(caller: Caller, spent: number): Promise<Vended> {
    if (closed) throw closing();
    const slot = slots.of(caller);
    const now = clock.monotonic();
    slot.asked(caller, now);
    if (!slot.fetching) {
      if (!auditLog.available) throw auditUnavailable(auditLog.reason);
      const error = backoff.remembered(slot, caller, now);
      if (error !== undefined) throw error;
    }
    const late = () => notYet(slot);
    const left = () => Math.max(0, limits.patience - spent - (clock.monotonic() - now));
    const held = await within(fetch({ slot, caller }), left(), clock, late);
    return within(release(held, caller, held.fresh), left(), clock, slowAuditLog);
  }

  function uncovered(held: Held, caller: Caller): Promise<Vended> {
    return within(release(held, caller, held.memory), limits.patience, clock, slowAuditLog);
  }

  return {
    // The hot path: one look-up, two clock readings, comparisons, a count. No promise, no closure.
    vend(caller, spent = 0) {
      const held = cache.get(caller.workload.id);
      if (held === undefined) return miss(caller, spent);
      const now = clock.monotonic();
      const left = held.left(clock.wall(), now);
      if (left < held.floor) return miss(caller, spent);
      held.slot.asked(caller, now);
      slots.touch(held.slot);
      if (left < held.renewBelow && !held.slot.fetching) renewal.consider(held.slot);
      return ledger.covers(held, caller, now) ? held.memory : uncovered(held, caller);
    },

    async mint(caller, via) {
      if (closed) throw closing();
      const slot = slots.of(caller);
      if (!auditLog.available) throw auditUnavailable(auditLog.reason);
      const error = backoff.remembered(slot, caller, clock.monotonic());
      // What is too large for the endpoint's clients is none the worse here.
      if (error !== undefined && !(error instanceof ResponseTooLarge)) {
        // Nothing was asked of STS, yet somebody called: each of them shows in the audit log.
        const { workload } = slot;
        auditLog.recordFailure({ type: 'exchange-failed', at: clock.wall(), workload, requester: caller, via, error });
        throw error;
      }
      const stop = new AbortController();
      minting.add(stop);
      try {
        const { credentials } = await attempt({ slot, caller, via, signal: stop.signal });
        // The row may have taken its time.
        if (lifeLeft(credentials, clock) <= 0) throw notYet(slot);
        return { credentials, source: 'fresh' };
      } finally {
        minting.delete(stop);
      }
    },

    reconcile(workloads, keepProof = () => false) {
      if (closed) return;
      slots.swap(workloads, keepProof);
      const now = clock.monotonic();
      for (const slot of slots.configured()) {
        if (slot.prefetch && slot.askedAt === Number.NEGATIVE_INFINITY) slot.askedAt = now;
      }
      renewal.look();
    },

    status: () => [...slots.configured()].map(slot => statusOf(slot, heldOf(slot), clock)),

    async close() {
      if (closed) return;
      closed = true;
      renewal.close();
      for (const stop of minting) stop.abort(closing());
      cache.clear();
      await ledger.close();
    },
  };
}

function notYet({ workload }: Slot): CredentialsUninitialized {
  return new CredentialsUninitialized(`no credentials for workload ${workload.name} yet; the exchange goes on`);
}

function slowAuditLog(): AuditUnavailable {
  return auditUnavailable('it takes its time');
}

function closing(): CredentialsUninitialized {
  return new CredentialsUninitialized('walletcreds is shutting down');
}
