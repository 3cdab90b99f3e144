/**
 * The limits of one listener.
 *
 * @module
 */

/** Times in ms. */
export interface Limits {
  /** Beyond it the connection goes that has been idle longest. One workload has at most a quarter. */
  readonly maxConnections: number;
  /** Request line and header fields together. */
  readonly maxHeaderBytes: number;
  /** From the first byte, or from the connection's start, to the end of the header. */
  readonly headersMs: number;
  /** To the end of the request. */
  readonly requestMs: number;
  /** How long an idle connection stays open: SDKs ask every few minutes. */
  readonly keepAliveMs: number;
  /** How often slow requests are looked for. */
  readonly checkEveryMs: number;
  /** How often the certificate's files are looked at. */
  readonly certPollMs: number;
}

const DEFAULTS: Limits = {
  maxConnections: 1024,
  maxHeaderBytes: 16 * 1024,
  headersMs: 10_000,
  requestMs: 15_000,
  keepAliveMs: 5 * 60_000,
  checkEveryMs: 1_000,
  certPollMs: 5_000,
};

export function withDefaults(limits: Partial<Limits> = {}): Limits {
  return { ...DEFAULTS, ...limits };
}
