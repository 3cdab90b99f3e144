/**
 * The check of a log when it is opened, between the writes: its chains, its triggers.
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

/** @param ended whether the connection is closed by now @returns what was found, for people */
export async function checkLog(db: Database.Database, path: string, ended: () => boolean): Promise<string[]> {
  const reader = sqliteReader(db, path);
  const [size] = await reader.query<{ records: number }>('SELECT count(*) AS records FROM records');
  const large = (size?.records ?? 0) > MAX_RECORDS;
  try {
    const findings = large ? await reader.triggerFindings() : (await verifyAuditLog({ ...reader, query })).findings;
    const told = findings
      .slice(0, MAX_NOTICES)
      .map(({ id, message }) => (id === null ? message : `record id ${id}, ${message}`));
    if (findings.length > MAX_NOTICES) told.push(`${findings.length - MAX_NOTICES} more findings`);
    const fix = 'compare it with kept heads (walletcreds audit verify --heads FILE) and keep it as evidence';
    return told.map(text => `audit database ${path}: ${text}; ${fix}`);
  } catch (error) {
    if (ended()) return [];
    throw error;
  }

  /** Writes that have come meanwhile go first. */
  async function query<T>(...given: Parameters<typeof reader.query>): Promise<T[]> {
    await setImmediate();
    return reader.query<T>(...given);
  }
}
