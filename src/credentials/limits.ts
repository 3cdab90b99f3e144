/**
 * The numbers of vending, in one place. All are milliseconds but the counts.
 *
 * @module
 */
export interface VendingLimits {
  /** How long a request waits for credentials that aren't in memory; clients give up after 1 s. */
  readonly patience: number;
  /** Exchanges at once, across all workloads. */
  readonly concurrency: number;
  /** What has less life left than this is not served any more (a quarter of the lifetime, where that is shorter). */
  readonly floor: number;
  /** The same credentials are never renewed twice within this. */
  readonly renewalSpacing: number;
  /** Transient failures: the wait is one second and a random part of a window that doubles up to this. */
  readonly backoffFirst: number;
  readonly backoffMax: number;
  /** Final refusals are remembered for this long, doubling up to the maximum. */
  readonly refusalFirst: number;
  readonly refusalMax: number;
  /** How long one row on disk covers further vends of the same credentials to the same caller. */
  readonly lease: number;
  /** After a lease has ended: when its count is written if nobody asks again. */
  readonly leaseFlush: number;
  /** A source of identity tokens that hangs is given up after this, so that it can't hold a place for ever. */
  readonly tokenTimeout: number;
  /** Workloads made from proofs that are held at once. */
  readonly proofWorkloads: number;
}

export const DEFAULT_LIMITS: VendingLimits = {
  patience: 900,
  concurrency: 8,
  floor: 60_000,
  renewalSpacing: 30_000,
  backoffFirst: 1_000,
  backoffMax: 30_000,
  refusalFirst: 10_000,
  refusalMax: 60_000,
  lease: 1_000,
  leaseFlush: 500,
  tokenTimeout: 10_000,
  proofWorkloads: 10_000,
};
