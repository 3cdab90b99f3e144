/**
 * Checks the chains and triggers of a log after it was opened, between the writes.
 *
 * @module
 */
import { setImmediate } from 'node:timers/promises';
import type Database from 'libsql';
import { verifyAuditLog } from '../verify.ts';
import { sqliteReader } from './reader.ts';

/** A larger log is left to `walletcreds audit verify`. */
const MAX_RECORDS = 50_000;
const MAX_NOTICES = 5;

/** @param ended whether the connection was closed meanwhile @returns messages */
export async function checkLog(db: Database.Database, path: string, ended: () => boolean): Promise<string[]> {
  const reader = sqliteReader(db, path);
  const [size] = await reader.query<{ records: number }>(
    `SELECT count(*) AS records FROM (SELECT 1 FROM records LIMIT ${MAX_RECORDS + 1})`,
  );
  const large = (size?.records ?? 0) > MAX_RECORDS;
  try {
    const findings = large ? await reader.triggerFindings() : (await verifyAuditLog({ ...reader, query })).findings;
    const notices = findings
      .slice(0, MAX_NOTICES)
      .map(({ id, message, fix }) => `${id === null ? '' : `record id ${id}: `}${message}. ${fix}`);
    if (findings.length > MAX_NOTICES)
      notices.push(`${findings.length - MAX_NOTICES} more findings: run walletcreds audit verify`);
    return notices.map(text => `audit database ${path}: ${text}`);
  } catch (error) {
    if (ended()) return [];
    throw error;
  }

  /** Writes that arrived meanwhile go first. */
  async function query<T>(...given: Parameters<typeof reader.query>): Promise<T[]> {
    await setImmediate();
    return reader.query<T>(...given);
  }
}
