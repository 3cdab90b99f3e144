/**
 * The identities of the current snapshot. A reload swaps the configured ones as a whole; dynamic ones come and go with
 * their callers, in a bounded number.
 *
 * @module
 */
import { LRUCache } from 'lru-cache';
import type { Caller } from '../auth/caller.ts';
import { CredentialsUninitialized } from '../lib/errors.ts';
import type { Workload } from '../workload/workload.ts';
import { WorkloadState } from './workload-state.ts';

export class WorkloadRegistry {
  #configured: ReadonlyMap<string, WorkloadState> = new Map();
  /** Made for the first one, since it sets memory aside for all. */
  #dynamic: LRUCache<string, WorkloadState> | undefined;
  readonly #maxDynamic: number;

  /** @param maxDynamic beyond it the dynamic identity that was used longest ago is removed */
  constructor(maxDynamic: number) {
    this.#maxDynamic = maxDynamic;
  }

  find({ id }: Workload): WorkloadState | undefined {
    return this.#configured.get(id) ?? this.#dynamic?.get(id);
  }

  /**
   * The state of a caller's identity; a new one for a dynamic identity that has none.
   *
   * @throws CredentialsUninitialized for a configured identity that the snapshot lacks
   */
  of({ workload }: Caller): WorkloadState {
    const found = this.find(workload);
    if (found !== undefined) return found;
    if (workload.origin !== 'dynamic') throw noLongerConfigured(workload);
    const made = new WorkloadState(workload, false);
    this.#dynamic ??= new LRUCache({ max: this.#maxDynamic, dispose: remove });
    this.#dynamic.set(workload.id, made);
    return made;
  }

  /** Swaps the configured identities; unchanged ones keep their state. Dynamic ones that are not made any more are removed. */
  swap(
    workloads: readonly { readonly workload: Workload; readonly prefetch: boolean }[],
    isMade: (dynamic: Workload) => boolean,
  ): void {
    const before = this.#configured;
    const next = new Map<string, WorkloadState>();
    for (const { workload, prefetch } of workloads) {
      const state = before.get(workload.id) ?? new WorkloadState(workload, prefetch);
      state.prefetch = prefetch;
      next.set(workload.id, state);
    }
    this.#configured = next;
    for (const [id, state] of before) if (!next.has(id)) remove(state);
    for (const [id, { workload }] of [...(this.#dynamic?.entries() ?? [])])
      if (!isMade(workload)) this.#dynamic?.delete(id);
  }

  configured(): Iterable<WorkloadState> {
    return this.#configured.values();
  }

  *all(): Iterable<WorkloadState> {
    yield* this.#configured.values();
    if (this.#dynamic !== undefined) yield* this.#dynamic.values();
  }
}

/** What a caller is told whose identity left the configuration, or the memory of dynamic ones, in the meantime. */
export function noLongerConfigured({ name }: Workload): CredentialsUninitialized {
  return new CredentialsUninitialized(`workload ${name} is no longer configured as it was when it asked`);
}

function remove(state: WorkloadState): void {
  state.removed = true;
  state.cached = undefined;
  state.presented = undefined;
  state.flight?.cancel(noLongerConfigured(state.workload));
}
