/**
 * Whether the process is ready, from the states of workloads and dependencies. Pure.
 *
 * Ready means that every workload with `prefetch` has had credentials once. A later failure doesn't change that while
 * valid ones are cached. Nor does idleness: credentials that expired without a request are fetched with the next one.
 *
 * @module
 */

import type { WorkloadStatus } from '../../credentials/vending.ts';
import { masked } from '../../lib/text/masked.ts';
import { isoSeconds } from '../../lib/time/iso.ts';

/** Something beside the workloads that must work: the audit log, the keys. */
export interface Check {
  readonly name: string;
  readonly status: 'ok' | 'failed';
  /** Why, when it failed; for operators, never a secret. */
  readonly reason?: string;
  /** False: shown, but not a reason to be taken out of service. Default: true. */
  readonly decides?: boolean;
}

/** What `/readyz` shows of one workload to those who may see it. */
export interface WorkloadReadiness {
  readonly name: string;
  readonly ready: boolean;
  readonly state: WorkloadStatus['state'];
  /** `YYYY-MM-DDTHH:MM:SSZ`; null before the first credentials. */
  readonly fetched: string | null;
  readonly expires: string | null;
  readonly last_error: { readonly code: string; readonly message: string; readonly at: string } | null;
}

export interface Readiness {
  readonly ready: boolean;
  /** False when one workload was asked for by a name that nobody has. */
  readonly known: boolean;
  readonly workloads: readonly WorkloadReadiness[];
  readonly checks: readonly Check[];
}

/**
 * @param only the one workload that is asked about, whether it has `prefetch` or not; undefined for the whole process
 */
export function readiness(status: readonly WorkloadStatus[], checks: readonly Check[], only?: string): Readiness {
  const asked = only === undefined ? status : status.filter(({ name }) => name === only);
  const known = only === undefined || asked.length > 0;
  const decisive = only === undefined ? asked.filter(({ prefetch }) => prefetch) : asked;
  const sound = checks.every(check => check.status === 'ok' || check.decides === false);
  return { ready: known && sound && decisive.every(isReady), known, workloads: asked.map(show), checks };
}

function isReady({ hadCredentials, secondsLeft, lastError, fetchedAt }: WorkloadStatus): boolean {
  if (!hadCredentials) return false;
  if ((secondsLeft ?? 0) > 0) return true;
  return lastError === undefined || lastError.at < (fetchedAt ?? 0);
}

function show(status: WorkloadStatus): WorkloadReadiness {
  const { name, state, fetchedAt, expiresAt, lastError } = status;
  return {
    name,
    ready: isReady(status),
    state,
    fetched: fetchedAt === undefined ? null : isoSeconds(fetchedAt),
    expires: expiresAt === undefined ? null : isoSeconds(expiresAt),
    last_error:
      lastError === undefined
        ? null
        : { code: lastError.code, message: masked(lastError.message), at: isoSeconds(lastError.at) },
  };
}
