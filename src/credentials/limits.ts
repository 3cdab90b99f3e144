/**
 * The numbers of vending, in one place. All are milliseconds but the counts.
 *
 * @module
 */
export interface VendingLimits {
  /** How long a request waits for credentials that aren't in memory; clients give up after 1 s. */
  readonly requestTimeout: number;
  /** Exchanges at once, across all workloads: at the start, and as many as it grows to while STS throttles none. */
  readonly concurrency: number;
  readonly maxConcurrency: number;
  /** After a throttled exchange none begins for this long, doubling up to the maximum. */
  readonly throttlePauseFirst: number;
  readonly throttlePauseMax: number;
  /** How long a mint waits for its exchange to begin. */
  readonly mintQueueTimeout: number;
  /** Credentials with less life left are not served (a quarter of the lifetime, where that is shorter). */
  readonly minRemainingLifetime: number;
  /** The same credentials are never renewed twice within this. */
  readonly renewalSpacing: number;
  /** Transient failures: the wait is one second and a random part of a window that doubles up to this. */
  readonly backoffFirst: number;
  readonly backoffMax: number;
  /** Final refusals are remembered for this long, doubling up to the maximum. */
  readonly refusalFirst: number;
  readonly refusalMax: number;
  /** How long one record on disk covers further vends of the same credentials to the same caller. */
  readonly auditWindow: number;
  /** After an audit window has ended: when its count is written if nobody asks again. */
  readonly auditFlush: number;
  /** A source of identity tokens that hangs is given up after this, so that it doesn't hold up other exchanges for ever. */
  readonly tokenTimeout: number;
  /** Dynamic workloads that are remembered at once. */
  readonly dynamicWorkloads: number;
}

export const DEFAULT_LIMITS: VendingLimits = {
  requestTimeout: 900,
  concurrency: 8,
  maxConcurrency: 64,
  throttlePauseFirst: 500,
  throttlePauseMax: 4_000,
  mintQueueTimeout: 10_000,
  minRemainingLifetime: 60_000,
  renewalSpacing: 30_000,
  backoffFirst: 1_000,
  backoffMax: 30_000,
  refusalFirst: 10_000,
  refusalMax: 60_000,
  auditWindow: 1_000,
  auditFlush: 500,
  tokenTimeout: 10_000,
  dynamicWorkloads: 10_000,
};
