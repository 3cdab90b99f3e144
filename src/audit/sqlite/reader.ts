/**
 * A SQLite connection as {@link AuditDatabase}.
 *
 * @module
 */
import type Database from 'libsql';
import type { AuditDatabase } from '../audit-database.ts';
import type { Value } from '../columns.ts';
import { recordsFrom } from '../records-from.ts';
import { columnsOf, triggerFindings } from './schema.ts';

/** @throws UsageError where it has no table `mint_log` */
export function sqliteReader(db: Database.Database, path: string): AuditDatabase {
  const found = columnsOf(db);
  const from = recordsFrom(found, path);
  const chained = found.includes('hash');
  return {
    query: async <T>(sql: string, values: readonly Value[] = []) =>
      db.prepare(sql.replace('FROM records', from)).all(...values) as T[],
    chained,
    triggerFindings: async () => (chained ? triggerFindings(db) : []),
    close: async () => void db.close(),
  };
}
