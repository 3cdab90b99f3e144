/**
 * Checks every chain and reports what doesn't fit.
 *
 * Without heads that were kept elsewhere, a check can't find a chain that was cut off or computed again as a whole. The
 * report says so.
 *
 * @module
 */
import type { AuditDatabase } from './audit-database.ts';
import { GENESIS, type Head } from './chain.ts';
import { ChainCheck } from './chain-check.ts';
import { LOG_VIA, SEALED_WRITER, type StoredRecord } from './columns.ts';
import { type Finding, finding, type PrunedRange, prunedOf } from './findings.ts';
import { KeptHeads } from './kept-heads.ts';
import { chainsOf } from './reader.ts';

export interface VerifyReport {
  readonly intact: boolean;
  /** Records in chains, those of an old broker included. */
  readonly records: number;
  readonly writers: number;
  /** Records of an old broker, sealed when the database was migrated. */
  readonly sealedRecords: number;
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
    const message = 'the table is an old broker’s: it has no chain, so nothing can be verified';
    findings.push(finding('audit-not-migrated', {}, message));
  }
  findings.push(...(await db.triggerFindings()));
  const pruned = await rangesOf(db, 'pruned');
  const kept = new KeptHeads(heads ?? []);
  const ends = new Map<string, Head>();
  let records = 0;
  let sealedRecords = 0;
  let chain: ChainCheck | undefined;
  for await (const record of db.chained ? chainsOf(db) : []) {
    records++;
    if (record.writer === SEALED_WRITER) sealedRecords++;
    if (chain?.writer !== record.writer) {
      const writer = record.writer ?? '';
      chain = new ChainCheck(writer, prunedOf(pruned, writer), kept, findings);
    }
    chain.step(record);
    ends.set(chain.writer, chain.end);
  }
  await findNotChained(db, findings);
  findings.push(...kept.check(ends, pruned));
  checkSeals(await rangesOf(db, 'sealed'), ends, pruned, findings);
  return {
    intact: findings.length === 0,
    records,
    writers: ends.size,
    sealedRecords,
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
  if (end !== undefined && seals.length === 0) {
    const message = 'the old broker’s records have no seal: the record of the sealing is gone';
    findings.push(finding('audit-seal-broken', { writer: SEALED_WRITER, seq: end.seq }, message));
  }
  for (const seal of seals) {
    const range = prunedOf(pruned, SEALED_WRITER);
    const seq = end?.seq ?? range?.last_seq ?? 0;
    const hash = end?.hash ?? range?.last_hash ?? GENESIS;
    if (seq === seal.last_seq && hash === seal.last_hash) continue;
    const found = seq === seal.last_seq ? 'has another hash there' : `ends with number ${seq}`;
    const message = `the old broker’s records don't match their seal: it names number ${seal.last_seq}, the chain ${found}`;
    findings.push(finding('audit-seal-broken', { writer: SEALED_WRITER, seq }, message));
  }
}

async function findNotChained(db: AuditDatabase, findings: Finding[]): Promise<void> {
  if (!db.chained) return;
  const unchained = await db.query<StoredRecord>(
    'SELECT * FROM records WHERE writer IS NULL OR seq IS NULL OR seq < 1 OR hash IS NULL OR prev_hash IS NULL ORDER BY id LIMIT 1000',
  );
  for (const { id, writer, seq } of unchained) {
    const message = 'it is in no chain: an old broker wrote it after the migration, or someone wrote it by hand';
    findings.push(finding('audit-not-chained', { id, writer, seq }, message));
  }
}

/** The ranges in the log's own records. */
async function rangesOf(db: AuditDatabase, outcome: 'pruned' | 'sealed'): Promise<PrunedRange[]> {
  const found = await db.query<StoredRecord>('SELECT * FROM records WHERE via = ? AND outcome = ? ORDER BY id', [
    LOG_VIA,
    outcome,
  ]);
  return found.flatMap(record => {
    try {
      const { writer, last_seq, last_hash } = JSON.parse(record.outcome_detail ?? '') as PrunedRange;
      const { id, writer: by, seq } = record;
      return [{ writer, last_seq, last_hash, at: record.minted_at, record: { id, writer: by, seq } }];
    } catch {
      return [];
    }
  });
}
