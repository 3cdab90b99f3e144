/**
 * Who is asking, once that is authenticated.
 *
 * @module
 */
import type { Workload } from '../workload/workload.ts';

/** An authenticated caller. */
export interface Caller {
  readonly workload: Workload;
  readonly kind: 'token' | 'relative' | 'bearer' | 'jwt' | 'session' | 'local';
  /** SHA-256 of what it presented, hexadecimal, for the audit log; '' for `local`. */
  readonly tokenHash: string;
  /** What it presented, only where it must be forwarded (`identity_token.broker.bearer: caller`). */
  readonly presentedToken?: string;
  /** When what it presented expires, Unix ms; absent for static tokens. */
  readonly presentedUntil?: number;
}
