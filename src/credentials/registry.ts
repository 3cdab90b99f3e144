/**
 * The snapshot: which identities there are. Configured ones are swapped as a whole by a reload; those made from proofs
 * come and go with their callers, in a bounded number.
 *
 * @module
 */
import { LRUCache } from 'lru-cache';
import type { Caller } from '../auth/caller.ts';
import { CredentialsUninitialized } from '../lib/errors.ts';
import type { Workload } from '../workload/workload.ts';
import { Slot } from './workload-state.ts';

export class Slots {
  #configured: ReadonlyMap<string, Slot> = new Map();
  readonly #proofs: LRUCache<string, Slot>;
  readonly #dropped: (slot: Slot) => void;

  /** @param options.dropped called once for each identity that leaves, after it was marked gone */
  constructor(options: { readonly maxProofs: number; readonly dropped: (slot: Slot) => void }) {
    this.#dropped = options.dropped;
    // Bounded by size, all sizes being 1: by `max` it would set memory aside for as many at once.
    this.#proofs = new LRUCache({
      maxSize: options.maxProofs,
      sizeCalculation: () => 1,
      dispose: slot => this.#drop(slot),
    });
  }

  /**
   * The slot of a caller's identity; one is made for an identity that a proof vouches for.
   *
   * @throws CredentialsUninitialized when the snapshot lacks it
   */
  of({ workload }: Caller): Slot {
    const slot = this.#configured.get(workload.id) ?? this.#proofs.get(workload.id);
    if (slot !== undefined) return slot;
    if (workload.origin !== 'proof') {
      throw new CredentialsUninitialized(`workload ${workload.name} is no longer configured as it was when it asked`);
    }
    const made = new Slot(workload, false);
    this.#proofs.set(workload.id, made);
    return made;
  }

  /** Marks an identity as used, so that the ones nobody asks for go first. */
  touch(slot: Slot): void {
    if (slot.workload.origin === 'proof') this.#proofs.get(slot.workload.id);
  }

  /** Lets go of an identity that was made from a proof. */
  forget(slot: Slot): void {
    this.#proofs.delete(slot.workload.id);
  }

  /** Swaps the configured identities; equal ones keep their slot. */
  swap(
    workloads: readonly { readonly workload: Workload; readonly prefetch: boolean }[],
    keepProof: (workload: Workload) => boolean,
  ): void {
    const before = this.#configured;
    const next = new Map<string, Slot>();
    for (const { workload, prefetch } of workloads) {
      const slot = before.get(workload.id) ?? new Slot(workload, prefetch);
      slot.prefetch = prefetch;
      next.set(workload.id, slot);
    }
    this.#configured = next;
    for (const [id, slot] of before) if (!next.has(id)) this.#drop(slot);
    for (const slot of [...this.#proofs.values()]) if (!keepProof(slot.workload)) this.forget(slot);
  }

  configured(): Iterable<Slot> {
    return this.#configured.values();
  }

  /** Every identity; deleting while iterating is fine. */
  *all(): Iterable<Slot> {
    yield* this.#configured.values();
    yield* [...this.#proofs.values()];
  }

  #drop(slot: Slot): void {
    slot.gone = true;
    slot.proof = undefined;
    this.#dropped(slot);
  }
}
