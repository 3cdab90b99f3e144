/**
 * Credentials in memory: how long they are good for, from when they are renewed, and which audit leases cover them.
 *
 * @module
 */

import type { Workload } from '../workload/workload.ts';
import type { Covered, Lease } from './audit-window.ts';
import { type Credentials, lifetime } from './credentials.ts';
import type { Vended } from './vending.ts';
import type { Slot } from './workload-state.ts';

const MINUTE = 60_000;

/** Below this much life left credentials are renewed: min(max(20 min, L/3), L/2), L being the lifetime that STS gave. */
export function renewalThreshold(lifetimeMs: number): number {
  return Math.min(Math.max(20 * MINUTE, lifetimeMs / 3), lifetimeMs / 2);
}

/** One set of credentials of one identity. Its two answers are made once: the path from memory allocates nothing. */
export class Held implements Covered {
  readonly slot: Slot;
  readonly workload: Workload;
  readonly credentials: Credentials;
  readonly memory: Vended;
  readonly fresh: Vended;
  /** Life left below which they are not served. */
  readonly floor: number;
  /** Life left below which they are renewed: the threshold, less up to a tenth at random, so that equal ones spread. */
  readonly renewBelow: number;
  /** Monotonic time at which they end by STS's own clock. */
  readonly #endsMonotonic: number;
  lease: Lease | undefined = undefined;
  leases: Map<string, Lease> | undefined = undefined;

  /** @param jitter 0 to 1 */
  constructor(slot: Slot, credentials: Credentials, options: { readonly floor: number; readonly jitter: number }) {
    const given = lifetime(credentials);
    this.slot = slot;
    this.workload = slot.workload;
    this.credentials = credentials;
    this.memory = Object.freeze({ credentials, source: 'memory' });
    this.fresh = Object.freeze({ credentials, source: 'fresh' });
    this.floor = Math.min(options.floor, given / 4);
    this.renewBelow = renewalThreshold(given) * (1 - options.jitter / 10);
    this.#endsMonotonic = credentials.receivedMonotonic + given;
  }

  /** `lifeLeft` of the credentials, from clock readings that the caller already has. */
  left(wall: number, monotonic: number): number {
    const byWall = this.credentials.expiration - wall;
    const byMonotonic = this.#endsMonotonic - monotonic;
    return Math.min(byWall, byMonotonic);
  }
}
