/**
 * Removes what is older than a date, so that the rest can still be verified.
 *
 * The leading records of each chain are removed, up to the first that is younger. A record `pruned` holds the number and
 * the hash of the last of them. Records `sealed` and `pruned` stay. A log that isn't intact isn't pruned, since that would
 * remove the evidence.
 *
 * A trigger refuses DELETE. It is switched off within the exclusive transaction that deletes, so a process that ends
 * halfway leaves everything unchanged.
 *
 * @module
 */
import type { AuditConfig } from '../config/types.ts';
import { UsageError, WalletcredsError } from '../lib/errors.ts';
import { emptyHead, newWriter } from './chain.ts';
import { type AuditRecord, LOG_VIA, logRecord } from './columns.ts';
import { openToRead } from './database.ts';
import { verifyAuditLog } from './verify.ts';

/** The audit log isn't intact. */
export class NotIntact extends WalletcredsError {
  readonly kind = 'NotIntact';
}

/** Time limit of one statement in PostgreSQL, ms. */
const DEADLINE_MS = 600_000;

/** The records of one chain that are removed. */
export interface Range {
  readonly writer: string;
  readonly first_seq: number;
  readonly last_seq: number;
  readonly last_hash: string;
}

/** The leading records of each chain before a time, without those that verification needs. */
const RANGES = `SELECT m.writer AS writer, r.first_seq AS first_seq, m.seq AS last_seq, m.hash AS last_hash
  FROM (SELECT c.writer AS writer, min(c.seq) AS first_seq, max(c.seq) AS last_seq FROM mint_log AS c
    LEFT JOIN (SELECT writer, min(seq) AS seq FROM mint_log
      WHERE minted_at >= $BEFORE OR (via = '${LOG_VIA}' AND outcome IN ('sealed', 'pruned')) GROUP BY writer) AS kept
      ON kept.writer = c.writer
    WHERE kept.seq IS NULL OR c.seq < kept.seq GROUP BY c.writer) AS r
  JOIN mint_log AS m ON m.writer = r.writer AND m.seq = r.last_seq ORDER BY m.writer`;

/**
 * What {@link prune} would remove.
 *
 * @param before unix seconds
 */
export async function rangesBefore(config: AuditConfig, before: number): Promise<Range[]> {
  const db = await openToRead(config);
  try {
    if (!db.chained)
      throw new UsageError(
        'the database is an old broker’s, which has no chains; start walletcreds serve with it once to migrate it',
      );
    return await db.query<Range>(rangesSql(before));
  } finally {
    await db.close();
  }
}

/**
 * @param before unix seconds
 * @param now unix seconds, for the records
 * @throws NotIntact
 */
export async function prune(config: AuditConfig, before: number, now: number): Promise<Range[]> {
  const db = await openToRead(config);
  try {
    const { findings } = await verifyAuditLog(db);
    const [first] = findings;
    if (first !== undefined)
      throw new NotIntact(
        `the audit log is not intact (${first.message}); see walletcreds audit verify. Nothing was pruned`,
      );
  } finally {
    await db.close();
  }
  if (config.kind === 'sqlite') return pruneSqlite(config.path, before, now);
  if (config.kind === 'postgres') return prunePostgres(config.url, before, now);
  return [];
}

async function pruneSqlite(path: string, before: number, now: number): Promise<Range[]> {
  const { default: Database } = await import('libsql');
  const { append, DELETE_TRIGGER } = await import('./sqlite/schema.ts');
  const db = new Database(path, { timeout: 5_000 });
  try {
    db.exec('PRAGMA synchronous = FULL');
    db.exec('BEGIN EXCLUSIVE');
    const ranges = db.prepare(rangesSql(before)).all() as Range[];
    if (ranges.length > 0) {
      db.exec('DROP TRIGGER mint_log_no_delete');
      const remove = db.prepare('DELETE FROM mint_log WHERE writer = ? AND seq <= ?');
      for (const { writer, last_seq } of ranges) remove.run(writer, last_seq);
      db.exec(DELETE_TRIGGER);
      append(db, emptyHead(newWriter()), records(ranges, now));
    }
    db.exec('COMMIT');
    return ranges;
  } finally {
    // Rolls back what was not committed.
    db.close();
  }
}

async function prunePostgres(url: string, before: number, now: number): Promise<Range[]> {
  const { connect, postgresError } = await import('./postgres/client.ts');
  const { append } = await import('./postgres/append.ts');
  const client = await connect(url, { deadline: DEADLINE_MS });
  try {
    await client.query('BEGIN');
    await client.query("SET LOCAL lock_timeout = '5s'");
    await client.query('ALTER TABLE mint_log DISABLE TRIGGER mint_log_append_only');
    const { rows: ranges } = await client.query<Range>(rangesSql(before));
    for (const { writer, last_seq } of ranges)
      await client.query('DELETE FROM mint_log WHERE writer = $1 AND seq <= $2', [writer, last_seq]);
    await client.query('ALTER TABLE mint_log ENABLE TRIGGER mint_log_append_only');
    await append(client, emptyHead(newWriter()), records(ranges, now));
    await client.query('COMMIT');
    return ranges;
  } catch (error) {
    throw postgresError(error, url);
  } finally {
    await client.end().catch(() => {});
  }
}

function records(ranges: readonly Range[], now: number): AuditRecord[] {
  return ranges.map(({ writer, first_seq, last_seq, last_hash }) =>
    logRecord('pruned', JSON.stringify({ writer, first_seq, last_seq, last_hash }), now),
  );
}

function rangesSql(before: number): string {
  return RANGES.replace('$BEFORE', String(Math.floor(before)));
}
