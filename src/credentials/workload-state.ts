/**
 * What is remembered of one identity beside its credentials: who asked when, what failed, when to try again.
 *
 * @module
 */

import type { Caller } from '../auth/caller.ts';
import type { WalletcredsError } from '../lib/errors.ts';
import type { Workload } from '../workload/workload.ts';

/** One identity of the current snapshot. A reload that drops the identity sets {@link Slot.gone}, for good. */
export class Slot {
  readonly workload: Workload;
  prefetch: boolean;
  /** No longer part of the snapshot: nothing of it may leave any more. */
  gone = false;
  /** An exchange for the memory is under way. */
  fetching = false;
  /** The first caller who waits for that exchange, where it began by itself: its row can still be in this one's name. */
  waiter: Caller | undefined = undefined;
  /** Monotonic time of the last request; a prefetched workload counts as asked for at the start. */
  askedAt = Number.NEGATIVE_INFINITY;
  /** Monotonic time at which the last exchange for the memory began. */
  attemptedAt = Number.NEGATIVE_INFINITY;
  /** Monotonic time before which nothing is tried; {@link Slot.error} is answered meanwhile. */
  retryAt = Number.NEGATIVE_INFINITY;
  /** Failures in a row, and the last of them; no failure: undefined. */
  failures = 0;
  error: WalletcredsError | undefined = undefined;
  /** Wall time of {@link Slot.error}. */
  errorAt = 0;
  /** Whose proof the failure is about, where the identity token is fetched with the caller's own. */
  errorOf: string | undefined = undefined;
  /** Wall time of the last success. */
  fetchedAt: number | undefined = undefined;
  /** Of the proofs that were shown the one that is good for longest (kept only where the exchange needs it), and until when. */
  proof: string | undefined = undefined;
  proofExpiresAt: number | undefined = undefined;

  constructor(workload: Workload, prefetch: boolean) {
    this.workload = workload;
    this.prefetch = prefetch;
  }

  asked(caller: Caller, now: number): void {
    this.askedAt = now;
    if (caller.proofExpiresAt !== undefined && caller.proofExpiresAt >= (this.proofExpiresAt ?? 0)) {
      this.proofExpiresAt = caller.proofExpiresAt;
      if (caller.proof !== undefined && needsProof(this.workload)) this.proof = caller.proof;
    }
  }

  /** Whether somebody asked within the last session, or the first credentials are still owed: for others nothing is renewed. */
  wanted(now: number): boolean {
    if (this.prefetch && this.fetchedAt === undefined) return true;
    return now - this.askedAt < this.workload.sessionDuration * 1000;
  }

  /** Whether an exchange may begin without a caller: not without a proof that is still valid, where the identity rests on one. */
  fetchesAlone(wall: number): boolean {
    const { origin } = this.workload;
    if (!needsProof(this.workload) && origin === 'configured') return true;
    if (this.proofExpiresAt === undefined || this.proofExpiresAt <= wall) {
      this.proof = undefined;
      return false;
    }
    return !needsProof(this.workload) || this.proof !== undefined;
  }
}

/** Whether the identity token is fetched with what the caller showed. */
export function needsProof({ identityToken }: Workload): boolean {
  return identityToken.kind === 'broker' && identityToken.bearer === 'caller';
}
