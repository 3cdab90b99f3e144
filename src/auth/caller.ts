/**
 * Who is asking, once the door has found out.
 *
 * @module
 */
import type { Workload } from '../workload/workload.ts';

/** A caller that has proved to be a workload. */
export interface Caller {
  readonly workload: Workload;
  readonly kind: 'token' | 'relative' | 'bearer' | 'jwt' | 'session' | 'local';
  /** SHA-256 of what it showed, hexadecimal, for the audit log; '' for `local`. */
  readonly tokenHash: string;
  /** What it showed, only where it must be forwarded (`identity_token.broker.bearer: caller`). */
  readonly proof?: string;
  /** Unix ms until which the proof itself is valid; absent for static ones. */
  readonly proofExpiresAt?: number;
}

/** How a value in `Authorization` becomes a caller. */
export interface CallerResolver {
  /**
   * Static tokens resolve synchronously, so that an answer from memory needs no further turn of the event loop.
   *
   * @param authorization the raw header; undefined or '' when there was none
   * @throws InvalidAuthorizationToken, WorkloadUnknown, SessionBackendUnavailable, IssuerUnavailable (thrown, or as the promise's rejection)
   */
  resolve(authorization: string | undefined): Caller | Promise<Caller>;
}
