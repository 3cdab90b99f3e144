/**
 * What the floor of HTTP asks of the floor of vending.
 *
 * @module
 */

import type { Caller } from '../auth/caller.ts';
import type { Workload } from '../workload/workload.ts';
import type { Credentials } from './credentials.ts';

/** Credentials that may leave: their audit row is on disk. */
export interface Vended {
  readonly credentials: Credentials;
  readonly source: 'memory' | 'fresh';
}

/** What readiness, metrics and the status page show of one workload. */
export interface WorkloadStatus {
  readonly name: string;
  readonly workload: Workload;
  readonly prefetch: boolean;
  readonly state: 'empty' | 'fetching' | 'valid' | 'renewing' | 'failing';
  /** ms since the epoch. */
  readonly fetchedAt: number | undefined;
  readonly expiresAt: number | undefined;
  /** Seconds that are left, by {@link lifeLeft}. */
  readonly secondsLeft: number | undefined;
  readonly lastError:
    | { readonly code: string; readonly message: string; readonly transient: boolean; readonly at: number }
    | undefined;
  /** Whether it has had credentials at least once since it came into the configuration. */
  readonly hadCredentials: boolean;
}

export interface Vending {
  /**
   * Credentials for a caller: from memory at once (no promise) where the audit row that covers it is on disk, otherwise
   * after the row is written, or after an exchange of at most 0.9 s.
   *
   * @param spent ms of those 0.9 s that finding out who asks has taken already
   * @throws CredentialsUninitialized, AuditUnavailable, and every failure of exchange and identity token
   */
  vend(caller: Caller, spent?: number): Vended | Promise<Vended>;
  /** Always a fresh exchange, never from memory, under the same limit and back-off. For `mint-aws-creds`, `credentials`. */
  mint(caller: Caller, via: 'mint-aws-creds' | 'exec' | 'credentials'): Promise<Vended>;
  /**
   * Swaps the snapshot: what it lacks is dropped, its renewals aborted, what ends later is discarded and audited.
   *
   * @param keepProof whether the new configuration would still make this workload from a proof; absent: all of those are
   * dropped, and come back with their callers' next request
   */
  reconcile(
    workloads: readonly { readonly workload: Workload; readonly prefetch: boolean }[],
    keepProof?: (workload: Workload) => boolean,
  ): void;
  status(): readonly WorkloadStatus[];
  /** Stops renewing. What is in flight is aborted. */
  close(): Promise<void>;
}
