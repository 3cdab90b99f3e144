/**
 * The time for which the audit log can't be written: why, since when, and how many were refused meanwhile.
 *
 * @module
 */
import { masked } from '../lib/text/masked.ts';
import { type AuditRecord, logRecord } from './columns.ts';
import { StoreError } from './store.ts';

export interface Outage {
  reason: string;
  /** A write is under way that may yet come back; otherwise one has failed. */
  hanging: boolean;
  /** Wall time in ms. */
  readonly since: number;
  refused: number;
}

/** Whole seconds since it began. */
export function secondsOf(outage: Outage, now: number): number {
  return Math.round((now - outage.since) / 1000);
}

/** The row that says in the audit log itself that there was nothing for a while. */
export function recoveredRecord(outage: Outage, now: number): AuditRecord {
  const detail = `unavailable for ${secondsOf(outage, now)} s, ${outage.refused} refused: ${outage.reason}`;
  return logRecord('recovered', detail, Math.floor(now / 1000));
}

/** What an operator may read of a failure. */
export function failureOf(error: unknown): { code: string; reason: string } {
  return {
    code: error instanceof StoreError ? error.code : 'INTERNAL',
    reason: masked(error instanceof Error ? error.message : String(error)),
  };
}
