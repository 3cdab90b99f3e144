/**
 * An authenticated caller.
 *
 * @module
 */
import type { Workload } from '../workload/workload.ts';

export interface Caller {
  readonly workload: Workload;
  readonly kind: 'token' | 'relative' | 'bearer' | 'jwt' | 'session' | 'local';
  /** SHA-256 of the presented token, hexadecimal, for the audit log; '' for `local`. */
  readonly tokenHash: string;
  /** The presented token, only where it is forwarded (`identity_token.broker.bearer: caller`). */
  readonly presentedToken?: string;
  /** When the presented token expires, Unix ms; absent for static tokens. */
  readonly presentedUntil?: number;
}
