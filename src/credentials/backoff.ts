/**
 * Back-off: a failure is remembered and answered without trying, so a storm of SDK retries is one STS call.
 *
 * A transient failure is tried again after a second (the `Retry-After` of the answer) and a random part of a window that
 * doubles: full jitter. A final refusal is remembered for longer: asking again doesn't change it before somebody fixes the
 * account. A broker's refusal isn't remembered longer each time, so workloads are back soon after the broker is.
 *
 * @module
 */
import type { Caller } from '../auth/caller.ts';
import type { Clock } from '../lib/clock.ts';
import { AuditUnavailable, BrokerRefused, type WalletcredsError } from '../lib/errors.ts';
import type { VendingLimits } from './limits.ts';
import type { Failure, PresentedToken, WorkloadState } from './workload-state.ts';

export class Backoff {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #limits: VendingLimits;

  constructor(options: { readonly clock: Clock; readonly random: () => number; readonly limits: VendingLimits }) {
    this.#clock = options.clock;
    this.#random = options.random;
    this.#limits = options.limits;
  }

  /** The error that is answered without trying; undefined when it is time to try. */
  remembered({ failure }: WorkloadState, caller: Caller | undefined, now: number): WalletcredsError | undefined {
    if (failure === undefined || now >= failure.retryAt) return undefined;
    // A refused token concerns the callers who present it, not the workload's other callers.
    if (failure.tokenHash !== undefined && caller !== undefined && caller.tokenHash !== failure.tokenHash)
      return undefined;
    return failure.error;
  }

  /** @param presented what the failed fetch forwarded */
  failed(state: WorkloadState, error: WalletcredsError, presented: PresentedToken | undefined): Failure {
    const before = state.failure;
    const previous = before?.error.transient === error.transient ? before.count : 0;
    // The audit log's failure says nothing of STS.
    const count = error instanceof AuditUnavailable ? (before?.count ?? 0) : previous + 1;
    const failure = {
      error,
      at: this.#clock.wall(),
      count,
      retryAt: this.#clock.monotonic() + this.#delay(count, error),
      tokenHash: error.transient ? undefined : presented?.hash,
    };
    state.failure = failure;
    return failure;
  }

  #delay(count: number, error: WalletcredsError): number {
    const { backoffFirst, backoffMax, refusalFirst, refusalMax } = this.#limits;
    if (error instanceof AuditUnavailable) return backoffFirst;
    if (error instanceof BrokerRefused) return refusalFirst;
    const doubled = 2 ** Math.min(count - 1, 20);
    if (!error.transient) return Math.min(refusalMax, refusalFirst * doubled);
    return backoffFirst + this.#random() * Math.min(backoffMax, backoffFirst * doubled);
  }
}
