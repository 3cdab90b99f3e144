/**
 * Decides when to fetch in the background: prefetch, renewal, and the next try after a failure.
 *
 * One timer serves all workloads. It checks the remaining lifetime of each at least every ten seconds. A stepped clock
 * and a suspended machine are noticed by that, and no timer has to fire in time.
 *
 * @module
 */
import type { Clock } from '../lib/clock.ts';
import type { VendingLimits } from './limits.ts';
import type { WorkloadRegistry } from './registry.ts';
import type { WorkloadState } from './workload-state.ts';

/** The longest time between two looks, and the shortest; ms. */
const LOOK_AT_LEAST = 10_000;
const LOOK_AT_MOST = 250;

export interface RenewalOptions {
  readonly clock: Clock;
  readonly limits: Pick<VendingLimits, 'renewalSpacing'>;
  readonly registry: WorkloadRegistry;
  /** Begins a fetch in the background; never throws. */
  readonly fetch: (state: WorkloadState) => void;
}

export class Renewal {
  readonly #options: RenewalOptions;
  #cancel: (() => void) | undefined;
  #nextLook = Number.POSITIVE_INFINITY;
  #closed = false;

  constructor(options: RenewalOptions) {
    this.#options = options;
  }

  /** Looks at all identities: begins what is due, drops what has expired, sets the timer for what comes next. */
  look(): void {
    if (this.#closed) return;
    const { clock, registry } = this.#options;
    const now = clock.monotonic();
    const wall = clock.wall();
    let next = Number.POSITIVE_INFINITY;
    for (const state of registry.all()) next = Math.min(next, this.#consider(state, now, wall));
    this.#cancel?.();
    this.#cancel = undefined;
    this.#nextLook = Number.POSITIVE_INFINITY;
    this.#lookIn(next);
  }

  /** One identity has changed, or somebody asked for it: begins a fetch if one is due, or sees to it later. */
  consider(state: WorkloadState): void {
    const { clock } = this.#options;
    this.#lookIn(this.#consider(state, clock.monotonic(), clock.wall()));
  }

  close(): void {
    this.#closed = true;
    this.#cancel?.();
  }

  /** @returns in how many ms to look again; Infinity: not for this one */
  #consider(state: WorkloadState, now: number, wall: number): number {
    if (state.flight !== undefined || state.removed || this.#closed) return Number.POSITIVE_INFINITY;
    const left = state.cached?.left(wall, now) ?? 0;
    if (left <= 0) state.cached = undefined;
    const { cached } = state;
    if (!state.isWanted(now) || !state.mayFetchAlone(wall)) {
      if (cached !== undefined) return left;
      state.presented = undefined;
      return Number.POSITIVE_INFINITY;
    }
    let due = state.failure?.retryAt ?? Number.NEGATIVE_INFINITY;
    if (cached !== undefined && left >= cached.minRemainingLifetime) {
      if (left >= cached.renewBelow) return left - cached.renewBelow;
      due = Math.max(due, state.fetchBegan + this.#options.limits.renewalSpacing);
    }
    if (now < due) return due - now;
    this.#options.fetch(state);
    return Number.POSITIVE_INFINITY;
  }

  #lookIn(ms: number): void {
    if (ms === Number.POSITIVE_INFINITY || this.#closed) return;
    const { clock } = this.#options;
    const inMs = Math.min(Math.max(ms, LOOK_AT_MOST), LOOK_AT_LEAST);
    const at = clock.monotonic() + inMs;
    if (at >= this.#nextLook) return;
    this.#cancel?.();
    this.#nextLook = at;
    this.#cancel = clock.schedule(() => this.look(), inMs);
  }
}
