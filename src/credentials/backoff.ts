/**
 * Back-off and the memory of refusals: a storm of SDK retries is one STS call, and its error is what they all get.
 *
 * A transient failure is tried again after a second (what `Retry-After` tells clients) and a random part of a window
 * that doubles: full jitter. A final refusal is remembered for longer, since asking again won't change it until somebody
 * mends the account. An audit log that is down costs a flat second: nothing was asked of STS.
 *
 * @module
 */

import type { Caller } from '../auth/caller.ts';
import type { Clock } from '../lib/clock.ts';
import { AuditUnavailable, type WalletcredsError } from '../lib/errors.ts';
import type { VendingLimits } from './limits.ts';
import { needsProof, type Slot } from './workload-state.ts';

export class Backoff {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #limits: VendingLimits;

  constructor(options: { readonly clock: Clock; readonly random: () => number; readonly limits: VendingLimits }) {
    this.#clock = options.clock;
    this.#random = options.random;
    this.#limits = options.limits;
  }

  /** The error that is answered without trying; undefined when it's time to try. */
  remembered(slot: Slot, caller: Caller | undefined, now: number): WalletcredsError | undefined {
    if (slot.error === undefined || now >= slot.retryAt) return undefined;
    // A refused proof speaks against whoever showed it, not against the workload's other callers.
    if (slot.errorOf !== undefined && caller !== undefined && caller.tokenHash !== slot.errorOf) return undefined;
    return slot.error;
  }

  failed(slot: Slot, error: WalletcredsError, caller: Caller | undefined): void {
    const sameKind = slot.error?.transient === error.transient;
    if (!(error instanceof AuditUnavailable)) slot.failures = sameKind ? slot.failures + 1 : 1;
    slot.error = error;
    slot.errorAt = this.#clock.wall();
    slot.errorOf = !error.transient && needsProof(slot.workload) ? caller?.tokenHash : undefined;
    slot.retryAt = this.#clock.monotonic() + this.#delay(slot.failures, error);
  }

  succeeded(slot: Slot): void {
    slot.failures = 0;
    slot.error = undefined;
    slot.errorOf = undefined;
    slot.retryAt = Number.NEGATIVE_INFINITY;
  }

  #delay(failures: number, error: WalletcredsError): number {
    const { backoffFirst, backoffMax, refusalFirst, refusalMax } = this.#limits;
    if (error instanceof AuditUnavailable) return backoffFirst;
    const doubled = 2 ** Math.min(failures - 1, 20);
    if (!error.transient) return Math.min(refusalMax, refusalFirst * doubled);
    return backoffFirst + this.#random() * Math.min(backoffMax, backoffFirst * doubled);
  }
}
