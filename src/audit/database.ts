/**
 * Opens an audit log's database for reading, SQLite or PostgreSQL, behind one interface.
 *
 * A running process may go on writing. An old broker's database isn't migrated: the columns that it lacks are null.
 *
 * @module
 */
import { existsSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import type { AuditConfig } from '../config/types.ts';
import { UsageError } from '../lib/errors.ts';
import type { AuditDatabase } from './audit-database.ts';
import type { Value } from './columns.ts';
import { recordsFrom } from './records-from.ts';
import { StoreError } from './store.ts';

/** Time limit of one statement in PostgreSQL, ms. */
const DEADLINE_MS = 60_000;

/**
 * Opens the database for reading only.
 *
 * @param options.snapshot false: each query sees the records of its own time, and no lock stays between queries
 * @throws UsageError where there is nothing to read, StoreError where it can't be read
 */
export async function openToRead(config: AuditConfig, { snapshot = true } = {}): Promise<AuditDatabase> {
  switch (config.kind) {
    case 'stdout':
      throw new UsageError(
        'audit.database is stdout: the audit log is where the lines of standard output are collected; read it there',
      );
    case 'sqlite':
      return readSqlite(config.path, snapshot);
    case 'postgres':
      return readPostgres(config.url, snapshot);
  }
}

async function readSqlite(path: string, snapshot: boolean): Promise<AuditDatabase> {
  if (!existsSync(path))
    throw new UsageError(
      `${path}: no such file; nothing was recorded yet, or audit.database or state_dir names another place`,
    );
  const { default: Database } = await import('libsql');
  const { sqliteReader } = await import('./sqlite/reader.ts');
  // Without write access to the folder, a database in WAL mode opens only as immutable.
  const modes = existsSync(`${path}-wal`) ? ['mode=ro'] : ['mode=ro', 'immutable=1'];
  let failure: unknown;
  for (const mode of modes) {
    try {
      const db = new Database(`${pathToFileURL(path).href}?${mode}`, { timeout: 5_000 });
      if (snapshot) db.exec('BEGIN');
      return sqliteReader(db, path);
    } catch (error) {
      if (error instanceof UsageError) throw error;
      failure ??= error;
    }
  }
  const { code = 'SQLITE_ERROR', message } = failure as { code?: string; message: string };
  throw new StoreError(code, `audit database ${path}: ${message}`, false, { cause: failure });
}

async function readPostgres(url: string, snapshot: boolean): Promise<AuditDatabase> {
  const { connect, placeOf, postgresError } = await import('./postgres/client.ts');
  const { columnsOf, triggerFindings } = await import('./postgres/schema.ts');
  const client = await connect(url, { deadline: DEADLINE_MS });
  try {
    if (snapshot) await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const found = await columnsOf(client);
    const from = recordsFrom(found, placeOf(url));
    return {
      async query<T>(sql: string, values: readonly Value[] = []) {
        let n = 0;
        const text = sql.replace('FROM records', from).replace(/\?/g, () => `$${++n}`);
        try {
          return (await client.query(text, [...values])).rows as T[];
        } catch (error) {
          throw postgresError(error, url);
        }
      },
      chained: found.includes('hash'),
      triggerFindings: async () => (found.includes('hash') ? triggerFindings(client) : []),
      close: () => client.end(),
    };
  } catch (error) {
    await client.end().catch(() => {});
    throw error instanceof UsageError ? error : postgresError(error, url);
  }
}
