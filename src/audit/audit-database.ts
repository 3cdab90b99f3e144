/**
 * What a reader asks of the audit log's database.
 *
 * @module
 */
import type { Value } from './columns.ts';
import type { Finding } from './findings.ts';

export interface AuditDatabase {
  /** `SELECT` with `?` for each value. `FROM records` is `mint_log` with all columns of today. */
  query<T>(sql: string, values?: readonly Value[]): Promise<T[]>;
  /** Whether it has the columns of the chain. */
  readonly chained: boolean;
  /** What is wrong with the triggers that keep the table append-only. */
  triggerFindings(): Promise<readonly Finding[]>;
  close(): Promise<void>;
}
