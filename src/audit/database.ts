/**
 * An audit log's database for whoever reads it, the same for SQLite and PostgreSQL: SQL in, rows out, in one snapshot.
 *
 * A running process may go on writing meanwhile. An old broker's database is read as it is: nothing is migrated, the
 * columns that it lacks are null.
 *
 * @module
 */
import { existsSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import type { AuditConfig } from '../config/types.ts';
import { UsageError } from '../lib/errors.ts';
import { COLUMNS, type Value } from './columns.ts';
import { StoreError } from './store.ts';

/** How long a PostgreSQL server may take for one statement; ms. */
const DEADLINE_MS = 60_000;

export interface AuditDatabase {
  /** `SELECT` with `?` for each value. `FROM records` is `mint_log` with all columns of today. */
  query<T>(sql: string, values?: readonly Value[]): Promise<T[]>;
  /** Whether it has the columns of the chain. */
  readonly chained: boolean;
  close(): Promise<void>;
}

/**
 * Opens it for reading alone.
 *
 * @throws UsageError where there is nothing to read, StoreError where it can't be read
 */
export async function openToRead(config: AuditConfig): Promise<AuditDatabase> {
  switch (config.kind) {
    case 'stdout':
      throw new UsageError(
        'audit.database is stdout: the audit log is where the lines of standard output are collected; read it there',
      );
    case 'sqlite':
      return readSqlite(config.path);
    case 'postgres':
      return readPostgres(config.url);
  }
}

async function readSqlite(path: string): Promise<AuditDatabase> {
  if (!existsSync(path))
    throw new UsageError(
      `${path}: no such file; nothing was recorded yet, or audit.database or state_dir names another place`,
    );
  const { default: Database } = await import('libsql');
  const { columnsOf } = await import('./sqlite/schema.ts');
  // Without write access to the folder a database in WAL mode can only be read as one that nobody writes.
  const modes = existsSync(`${path}-wal`) ? ['mode=ro'] : ['mode=ro', 'immutable=1'];
  let failure: unknown;
  for (const mode of modes) {
    try {
      const db = new Database(`${pathToFileURL(path).href}?${mode}`, { timeout: 5_000 });
      db.exec('BEGIN');
      const found = columnsOf(db);
      const from = recordsFrom(found, path);
      return {
        query: async <T>(sql: string, values: readonly Value[] = []) =>
          db.prepare(sql.replace('FROM records', from)).all(...values) as T[],
        chained: found.includes('hash'),
        close: async () => void db.close(),
      };
    } catch (error) {
      if (error instanceof UsageError) throw error;
      failure ??= error;
    }
  }
  const { code = 'SQLITE_ERROR', message } = failure as { code?: string; message: string };
  throw new StoreError(code, `audit database ${path}: ${message}`, false, { cause: failure });
}

async function readPostgres(url: string): Promise<AuditDatabase> {
  const { connect, placeOf, postgresError } = await import('./postgres/client.ts');
  const { columnsOf } = await import('./postgres/schema.ts');
  const client = await connect(url, { deadline: DEADLINE_MS });
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
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
      close: () => client.end(),
    };
  } catch (error) {
    await client.end().catch(() => {});
    throw error instanceof UsageError ? error : postgresError(error, url);
  }
}

/** `mint_log` with nulls for the columns that an old broker's table lacks. */
function recordsFrom(found: readonly string[], place: string): string {
  if (found.length === 0) throw new UsageError(`${place}: it has no table mint_log, so it is not an audit log`);
  const columns = COLUMNS.map(column => {
    if (found.includes(column)) return `"${column}"`;
    const none = column === 'count' ? '1' : INTEGERS.includes(column) ? 'CAST(NULL AS BIGINT)' : 'CAST(NULL AS TEXT)';
    return `${none} AS "${column}"`;
  });
  return `FROM (SELECT ${columns.join(', ')} FROM mint_log) AS records`;
}

const INTEGERS: readonly string[] = ['credentials_expiration', 'seq'];
