/**
 * What is known of one identity: its credentials, the fetch that is under way, who asked when, what failed.
 *
 * @module
 */
import type { Caller } from '../auth/caller.ts';
import type { WalletcredsError } from '../lib/errors.ts';
import { forwardsCaller, type Workload } from '../workload/workload.ts';
import type { CachedCredentials } from './cached.ts';
import type { Flight } from './flight.ts';

/** The last failure of an identity; while it is remembered, it is answered without trying. */
export interface Failure {
  readonly error: WalletcredsError;
  /** Wall time. */
  readonly at: number;
  /** Failures in a row, of one kind. */
  readonly count: number;
  /** Monotonic time before which nothing is tried. */
  readonly retryAt: number;
  /** Hash of the presented token that the failure is about; undefined: it concerns every caller. */
  readonly tokenHash: string | undefined;
}

/** A token that a caller presented and that the identity token is fetched with. */
export interface PresentedToken {
  readonly value: string;
  readonly hash: string;
}

/** One identity of the current snapshot. */
export class WorkloadState {
  readonly workload: Workload;
  prefetch: boolean;
  /** The identity left the snapshot, for good: nothing of it may leave the process any more. */
  removed = false;
  cached: CachedCredentials | undefined = undefined;
  /** The one fetch for the cache that is under way: everybody who needs credentials waits for it. */
  flight: Flight<CachedCredentials> | undefined = undefined;
  /** Monotonic time at which the last fetch for the cache began. */
  fetchBegan = Number.NEGATIVE_INFINITY;
  /** Wall time of the last success. */
  fetchedAt: number | undefined = undefined;
  /** Monotonic time of the last request; prefetch counts as one. */
  lastRequestedAt = Number.NEGATIVE_INFINITY;
  failure: Failure | undefined = undefined;
  /** The presented token that is valid longest (kept only where a fetch needs it), and until when (wall time). */
  presented: PresentedToken | undefined = undefined;
  presentedUntil: number | undefined = undefined;

  constructor(workload: Workload, prefetch: boolean) {
    this.workload = workload;
    this.prefetch = prefetch;
  }

  requested(caller: Caller, now: number): void {
    this.lastRequestedAt = now;
    if (caller.presentedUntil !== undefined && caller.presentedUntil >= (this.presentedUntil ?? 0)) {
      this.presentedUntil = caller.presentedUntil;
      this.presented = presentedBy(caller) ?? this.presented;
    }
  }

  /** Whether somebody asked within the last session, or the first credentials are still owed; nothing else is renewed. */
  isWanted(now: number): boolean {
    if (this.prefetch && this.fetchedAt === undefined) return true;
    return now - this.lastRequestedAt < this.workload.sessionDuration * 1000;
  }

  /** Whether a fetch may begin without a caller. An identity that rests on a presented token needs a valid one. */
  mayFetchAlone(wall: number): boolean {
    const forwards = forwardsCaller(this.workload.identityToken);
    if (!forwards && this.workload.origin === 'configured') return true;
    if (this.presentedUntil === undefined || this.presentedUntil <= wall) {
      this.presented = undefined;
      return false;
    }
    return !forwards || this.presented !== undefined;
  }
}

/** What a caller presented, where the identity token is fetched with it. */
export function presentedBy({ workload, presentedToken, tokenHash }: Caller): PresentedToken | undefined {
  if (presentedToken === undefined || !forwardsCaller(workload.identityToken)) return undefined;
  return { value: presentedToken, hash: tokenHash };
}
