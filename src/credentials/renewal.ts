/**
 * When to fetch without being asked: prefetch, renewal, and another try after a failure.
 *
 * One timer serves all workloads. It looks at each of them by what life is left *now*, at least every ten seconds, so a
 * stepped clock or a suspended machine is noticed by the next look and nothing depends on a timer that fires in time.
 *
 * @module
 */
import type { Clock } from '../lib/clock.ts';
import type { Held } from './cached.ts';
import type { VendingLimits } from './limits.ts';
import type { Slots } from './registry.ts';
import type { Slot } from './workload-state.ts';

/** The longest time between two looks, and the shortest; ms. */
const LOOK_AT_LEAST = 10_000;
const LOOK_AT_MOST = 250;

export interface RenewalOptions {
  readonly clock: Clock;
  readonly limits: VendingLimits;
  readonly slots: Slots;
  /** What is in memory, expired or not. */
  readonly held: (slot: Slot) => Held | undefined;
  /** Begins an exchange in the background; never throws. */
  readonly fetch: (slot: Slot) => void;
  /** Drops what has expired. */
  readonly drop: (slot: Slot) => void;
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
    const { clock, slots, held, drop } = this.#options;
    const now = clock.monotonic();
    const wall = clock.wall();
    let next = Number.POSITIVE_INFINITY;
    for (const slot of slots.all()) {
      const have = held(slot);
      if (have !== undefined && have.left(wall, now) <= 0 && !slot.fetching) drop(slot);
      next = Math.min(next, this.#consider(slot, now, wall));
    }
    this.#cancel?.();
    this.#cancel = undefined;
    this.#nextLook = Number.POSITIVE_INFINITY;
    this.#lookIn(next);
  }

  /** One identity has changed, or somebody asked for it: begins an exchange if one is due, or sees to it later. */
  consider(slot: Slot): void {
    const { clock } = this.#options;
    this.#lookIn(this.#consider(slot, clock.monotonic(), clock.wall()));
  }

  close(): void {
    this.#closed = true;
    this.#cancel?.();
  }

  /** @returns in how many ms to look again; Infinity: not on this one's account */
  #consider(slot: Slot, now: number, wall: number): number {
    if (slot.fetching || slot.gone || this.#closed) return Number.POSITIVE_INFINITY;
    const { limits, slots, held, fetch } = this.#options;
    const have = held(slot);
    const left = have?.left(wall, now) ?? 0;
    if (!slot.wanted(now) || !slot.fetchesAlone(wall)) {
      if (have !== undefined) return left;
      if (slot.workload.origin === 'proof' && !slot.wanted(now)) slots.forget(slot);
      return slot.workload.origin === 'proof' ? LOOK_AT_LEAST : Number.POSITIVE_INFINITY;
    }
    let due = slot.retryAt;
    if (have !== undefined && left >= have.floor) {
      if (left >= have.renewBelow) return left - have.renewBelow;
      due = Math.max(due, slot.attemptedAt + limits.renewalSpacing);
    }
    if (now < due) return due - now;
    fetch(slot);
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
