/**
 * What readiness, metrics and the status page show of one identity.
 *
 * @module
 */
import type { Clock } from '../lib/clock.ts';
import { errorFields } from '../lib/log.ts';
import type { Held } from './cached.ts';
import type { WorkloadStatus } from './vending.ts';
import type { Slot } from './workload-state.ts';

export function statusOf(slot: Slot, held: Held | undefined, clock: Clock): WorkloadStatus {
  const { workload, prefetch, error, fetching, fetchedAt } = slot;
  const left = held?.left(clock.wall(), clock.monotonic());
  const valid = left !== undefined && left > 0;
  return {
    name: workload.name,
    workload,
    prefetch,
    state: stateOf(error !== undefined, fetching, valid),
    fetchedAt,
    expiresAt: valid ? held?.credentials.expiration : undefined,
    secondsLeft: valid ? Math.floor(left / 1000) : undefined,
    lastError:
      error === undefined ? undefined : { ...errorFields(error), transient: error.transient, at: slot.errorAt },
    hadCredentials: fetchedAt !== undefined,
  };
}

function stateOf(failing: boolean, fetching: boolean, valid: boolean): WorkloadStatus['state'] {
  if (failing) return 'failing';
  if (fetching) return valid ? 'renewing' : 'fetching';
  return valid ? 'valid' : 'empty';
}
