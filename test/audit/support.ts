/**
 * What the tests of the audit log share: rows, folders, a log that can be read.
 *
 * @module
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, vi } from 'vitest';
import { createAuditLog } from '../../src/audit/create-log.ts';
import type { AuditLog } from '../../src/audit/log.ts';
import type { Store } from '../../src/audit/store.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { createLogger } from '../../src/lib/create-logger.ts';
import type { Logger } from '../../src/lib/log.ts';
import { type FakeClock, fakeClock } from '../support/fake-clock.ts';
import { WALLET } from './events.ts';

export * from './events.ts';

/** A folder that is gone after the test. */
export function aFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'walletcreds-audit-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A log whose lines can be read, parsed. */
export function aLog(): { log: Logger; lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  const log = createLogger({ level: 'debug', destination: { write: line => lines.push(JSON.parse(line)) } });
  return { log, lines };
}

const Database = createRequire(import.meta.url)('libsql') as typeof import('libsql');

/** Another connection to a database, closed after the test. */
export function open(path: string): import('libsql').Database {
  const db = new Database(path);
  onTestFinished(() => {
    if (db.open) db.close();
  });
  return db;
}

/** The rows as anybody reads them. */
export function rowsOf(path: string, where = '1'): Record<string, string | number | null>[] {
  const db = new Database(path);
  try {
    return db.prepare(`SELECT * FROM mint_log WHERE ${where} ORDER BY id`).all() as Record<
      string,
      string | number | null
    >[];
  } finally {
    db.close();
  }
}

/** An audit log in a file, closed after the test. */
export async function anAuditLog(
  path: string = join(aFolder(), 'audit.sqlite'),
  { fake = false, ...options }: { fake?: boolean; store?: Store; reserveBytes?: number } = {},
): Promise<{ auditLog: AuditLog; path: string; lines: Record<string, unknown>[]; clock: FakeClock }> {
  const { log, lines } = aLog();
  const clock = fakeClock();
  const auditLog = await createAuditLog(
    { kind: 'sqlite', path },
    { clock: fake ? clock : systemClock, log, ...options },
  );
  onTestFinished(async () => {
    const closing = auditLog.close();
    if (fake) await clock.advance(10_000);
    await closing;
  });
  return { auditLog, path, lines, clock };
}

/** A database as the old broker left it. */
export function anOldDatabase(path: string, rows: number): Record<string, string | number | null>[] {
  const db = open(path);
  db.exec(`CREATE TABLE mint_log (
    id INTEGER PRIMARY KEY AUTOINCREMENT, minted_at INTEGER NOT NULL, requester_token_hash TEXT NOT NULL,
    requester_wallet TEXT NOT NULL, requested_role TEXT NOT NULL, session_duration_seconds INTEGER NOT NULL,
    sts_session_name TEXT NOT NULL, outcome TEXT NOT NULL, outcome_detail TEXT);
    CREATE INDEX idx_mint_log_minted_at ON mint_log(minted_at);
    CREATE INDEX idx_mint_log_requester_wallet ON mint_log(requester_wallet);
    PRAGMA user_version = 3; BEGIN`);
  const insert = db.prepare(
    "INSERT INTO mint_log (minted_at, requester_token_hash, requester_wallet, requested_role, session_duration_seconds, sts_session_name, outcome, outcome_detail) VALUES (?, ?, ?, 'arn:aws:iam::123456789012:role/r', 3600, ?, ?, ?)",
  );
  for (let n = 0; n < rows; n++)
    insert.run(
      1_700_000_000 + n,
      'cd'.repeat(32),
      WALLET,
      `session-${n}`,
      n % 7 ? 'ok' : 'sts_error',
      n % 7 ? null : 'AccessDenied',
    );
  db.exec('COMMIT');
  db.close();
  return rowsOf(path);
}

/** Waits until the log can be written again. */
export const back = (auditLog: { available: boolean }) =>
  vi.waitFor(() => expect(auditLog.available).toBe(true), { timeout: 10_000, interval: 20 });

/** A file system of a few MiB, or the reason why there is none. */
export function aSmallDisk(mebibytes = 1): { folder: string } | { reason: string } {
  const folder = aFolder();
  try {
    const size = `size=${mebibytes}m`;
    execFileSync('mount', ['-t', 'tmpfs', '-o', size, 'walletcreds-test', folder], { stdio: 'pipe' });
    onTestFinished(() => void execFileSync('umount', ['-l', folder], { stdio: 'pipe' }));
    return { folder };
  } catch (error) {
    return { reason: `no small disk to fill (mount needs root): ${String(error).split('\n')[0]}` };
  }
}
