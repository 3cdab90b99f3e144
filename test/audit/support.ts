/**
 * What the tests of the audit log share: records, folders, a log that can be read.
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
import type { AuditConfig } from '../../src/config/types.ts';
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

/** The records as anybody reads them. */
export function recordsIn(path: string, where = '1'): Record<string, string | number | null>[] {
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

interface OpenedLog {
  readonly auditLog: AuditLog;
  readonly lines: Record<string, unknown>[];
  readonly clock: FakeClock;
}

/** An audit log, closed after the test. Its clock stands still: no append gives up because the machine is slow. */
export async function openLog(
  config: AuditConfig,
  options: { store?: Store; reserveBytes?: number } = {},
): Promise<OpenedLog> {
  const { log, lines } = aLog();
  const clock = fakeClock();
  const auditLog = await createAuditLog(config, { clock, log, ...options });
  onTestFinished(async () => {
    const closing = auditLog.close();
    await clock.advance(10_000);
    await closing;
  });
  return { auditLog, lines, clock };
}

/** {@link openLog} with a file. */
export async function anAuditLog(
  path: string = join(aFolder(), 'audit.sqlite'),
  options: { store?: Store; reserveBytes?: number } = {},
): Promise<OpenedLog & { readonly path: string }> {
  return { ...(await openLog({ kind: 'sqlite', path }, options)), path };
}

/** A database as the old broker left it. */
export function anOldDatabase(path: string, records: number): Record<string, string | number | null>[] {
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
  for (let n = 0; n < records; n++)
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
  return recordsIn(path);
}

/** Probes until the log can be written again. */
export async function back({ auditLog, clock }: OpenedLog): Promise<void> {
  const probed = async () => {
    await clock.advance(2_000);
    expect(auditLog.available).toBe(true);
  };
  await vi.waitFor(probed, { timeout: 20_000, interval: 20 });
}

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
