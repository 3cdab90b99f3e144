/**
 * Walks every chain and reports what doesn't fit.
 *
 * Without heads that were kept elsewhere nobody can know whether the end of a chain, or a whole chain, was cut off, or
 * whether all of it was computed again. The report says so.
 *
 * @module
 */

import type { AuditDatabase } from './audit-database.ts';
import { GENESIS, type Head } from './chain.ts';
import { ChainWalk } from './chain-walk.ts';
import { LOG_VIA, SEALED_WRITER, type StoredRecord } from './columns.ts';
import { type Finding, type PrunedRange, prunedOf } from './findings.ts';
import { KeptHeads } from './kept-heads.ts';
import { chainsOf } from './reader.ts';

export interface VerifyReport {
  readonly intact: boolean;
  /** Records in chains, those of an old broker included. */
  readonly rows: number;
  readonly writers: number;
  /** Records of an old broker, sealed when the database was migrated. */
  readonly sealedRows: number;
  readonly pruned: readonly PrunedRange[];
  /** How many heads were compared. */
  readonly heads: number;
  readonly truncation: 'not-excluded' | 'excluded-up-to-the-heads';
  readonly findings: readonly Finding[];
}

/** @param heads kept elsewhere; undefined: none were given */
export async function verifyAuditLog(db: AuditDatabase, heads?: readonly Head[]): Promise<VerifyReport> {
  const findings: Finding[] = [];
  if (!db.chained) {
    const message =
      'the table is an old broker’s: it has no chain, so nothing can be verified; serve migrates and seals it';
    findings.push({ kind: 'not-chained', id: null, writer: null, seq: null, message });
  }
  findings.push(...(await db.triggerFindings()));
  const pruned = await rangesOf(db, 'pruned');
  const kept = new KeptHeads(heads ?? []);
  const ends = new Map<string, Head>();
  let rows = 0;
  let sealedRows = 0;
  let chain: ChainWalk | undefined;
  for await (const row of db.chained ? chainsOf(db) : []) {
    rows++;
    if (row.writer === SEALED_WRITER) sealedRows++;
    if (chain?.writer !== row.writer) {
      const writer = row.writer ?? '';
      chain = new ChainWalk(writer, prunedOf(pruned, writer), kept, findings);
    }
    chain.step(row);
    ends.set(chain.writer, chain.end);
  }
  await findNotChained(db, findings);
  findings.push(...kept.check(ends, pruned));
  checkSeals(await rangesOf(db, 'sealed'), ends, pruned, findings);
  return {
    intact: findings.length === 0,
    rows,
    writers: ends.size,
    sealedRows,
    pruned,
    heads: kept.count,
    truncation: kept.count === 0 ? 'not-excluded' : 'excluded-up-to-the-heads',
    findings,
  };
}

/** The chain of the old records must end where the sealing says. */
function checkSeals(
  seals: readonly PrunedRange[],
  ends: ReadonlyMap<string, Head>,
  pruned: readonly PrunedRange[],
  findings: Finding[],
): void {
  const end = ends.get(SEALED_WRITER);
  const place = { id: null, writer: SEALED_WRITER };
  if (end !== undefined && seals.length === 0) {
    const message = 'the records of the old broker have no seal: the record of it is gone';
    findings.push({ kind: 'seal-broken', ...place, seq: end.seq, message });
  }
  for (const seal of seals) {
    const range = prunedOf(pruned, SEALED_WRITER);
    const seq = end?.seq ?? range?.last_seq ?? 0;
    const hash = end?.hash ?? range?.last_hash ?? GENESIS;
    if (seq === seal.last_seq && hash === seal.last_hash) continue;
    const message = `the records of the old broker do not match their seal: it has ${seal.last_seq}, the chain ends with ${seq}${seq === seal.last_seq ? ' and another hash' : ''}`;
    findings.push({ kind: 'seal-broken', ...place, seq, message });
  }
}

async function findNotChained(db: AuditDatabase, findings: Finding[]): Promise<void> {
  if (!db.chained) return;
  const unchained = await db.query<StoredRecord>(
    'SELECT * FROM records WHERE writer IS NULL OR seq IS NULL OR seq < 1 OR hash IS NULL OR prev_hash IS NULL ORDER BY id LIMIT 1000',
  );
  for (const { id, writer, seq } of unchained) {
    const message = 'inserted: it is in no chain, so it was written by an old broker after the migration, or by hand';
    findings.push({ kind: 'inserted', id, writer, seq, message });
  }
}

/** What the log's own records say about ranges. */
async function rangesOf(db: AuditDatabase, outcome: 'pruned' | 'sealed'): Promise<PrunedRange[]> {
  const rows = await db.query<StoredRecord>('SELECT * FROM records WHERE via = ? AND outcome = ? ORDER BY id', [
    LOG_VIA,
    outcome,
  ]);
  return rows.flatMap(row => {
    try {
      const { writer, last_seq, last_hash } = JSON.parse(row.outcome_detail ?? '') as PrunedRange;
      const { id, writer: by, seq } = row;
      return [{ writer, last_seq, last_hash, at: row.minted_at, record: { id, writer: by, seq } }];
    } catch {
      return [];
    }
  });
}
