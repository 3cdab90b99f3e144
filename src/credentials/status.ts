/**
 * What readiness, metrics and the status page show of one identity.
 *
 * @module
 */
import type { Clock } from '../lib/clock.ts';
import { errorFields } from '../lib/log.ts';
import type { Workload } from '../workload/workload.ts';
import type { WorkloadState } from './workload-state.ts';

export interface WorkloadStatus {
  readonly name: string;
  readonly workload: Workload;
  readonly prefetch: boolean;
  readonly state: 'empty' | 'fetching' | 'valid' | 'renewing' | 'failing';
  /** ms since the epoch. */
  readonly fetchedAt: number | undefined;
  readonly expiresAt: number | undefined;
  /** Seconds that are left, by `lifeLeft`. */
  readonly secondsLeft: number | undefined;
  readonly lastError:
    | { readonly code: string; readonly message: string; readonly transient: boolean; readonly at: number }
    | undefined;
  /** Whether it has had credentials at least once since it came into the configuration. */
  readonly hadCredentials: boolean;
}

export function statusOf(state: WorkloadState, clock: Clock): WorkloadStatus {
  const { workload, prefetch, cached, failure, flight, fetchedAt } = state;
  const left = cached?.left(clock.wall(), clock.monotonic());
  const valid = left !== undefined && left > 0;
  return {
    name: workload.name,
    workload,
    prefetch,
    state: nameOf(failure !== undefined, flight !== undefined, valid),
    fetchedAt,
    expiresAt: valid ? cached?.credentials.expiration : undefined,
    secondsLeft: valid ? Math.floor(left / 1000) : undefined,
    lastError:
      failure === undefined
        ? undefined
        : { ...errorFields(failure.error), transient: failure.error.transient, at: failure.at },
    hadCredentials: fetchedAt !== undefined,
  };
}

function nameOf(failing: boolean, fetching: boolean, valid: boolean): WorkloadStatus['state'] {
  if (failing) return 'failing';
  if (fetching) return valid ? 'renewing' : 'fetching';
  return valid ? 'valid' : 'empty';
}
