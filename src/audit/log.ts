/**
 * The audit log: one append-only table, `mint_log`. Nothing leaves the process before its record is on disk.
 *
 * @module
 */
import type { AuditEvent } from './event.ts';

export interface AuditLog {
  /**
   * Resolves once the event's record is durable; the caller releases nothing before.
   * @throws AuditUnavailable when it can't be written within 0.5 s
   */
  append(event: AuditEvent): Promise<void>;
  /** Best effort, summed to at most 60 records a minute; never throws, never waits. */
  recordFailure(event: AuditEvent): void;
  /** Whether the last write worked; for readiness, and so that nothing is signed or exchanged while the log is down. */
  readonly available: boolean;
  /** The reason while unavailable. */
  readonly reason: string | undefined;
  /** Writes what is queued, logs the heads, closes. */
  close(): Promise<void>;
}
