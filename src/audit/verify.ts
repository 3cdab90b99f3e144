/**
 * Walks every chain and says what doesn't fit.
 *
 * What it can't say is stated as well: without heads from elsewhere nobody can know whether the end of a chain, or a chain
 * as a whole, has been cut off, or whether all of it was computed anew.
 *
 * @module
 */
import { GENESIS, type Head, hashOf } from './chain.ts';
import { LOG_VIA, SEALED_WRITER, type StoredRecord } from './columns.ts';
import type { AuditDatabase } from './database.ts';
import { chainsOf } from './reader.ts';

export interface Finding {
  readonly kind:
    | 'edited'
    | 'removed'
    | 'reordered'
    | 'inserted'
    | 'rewritten'
    | 'cut'
    | 'missing-writer'
    | 'seal-broken'
    | 'not-chained';
  readonly id: number | null;
  readonly writer: string | null;
  readonly seq: number | null;
  readonly message: string;
}

/** A leading range of a chain that `prune` took out, by the record that it left. */
export interface PrunedRange {
  readonly writer: string;
  readonly last_seq: number;
  readonly last_hash: string;
  /** Unix seconds. */
  readonly at: number;
}

export interface VerifyReport {
  readonly intact: boolean;
  /** Rows in chains, those of an old broker included. */
  readonly rows: number;
  readonly writers: number;
  /** Rows of an old broker, sealed when the database was migrated. */
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
  const pruned = await rangesOf(db, 'pruned');
  const expected = headsByWriter(heads ?? []);
  const ends = new Map<string, Head>();
  let rows = 0;
  let sealedRows = 0;
  let chain: ChainWalk | undefined;
  for await (const row of db.chained ? chainsOf(db) : []) {
    rows++;
    if (row.writer === SEALED_WRITER) sealedRows++;
    if (chain?.writer !== row.writer) {
      const writer = row.writer ?? '';
      const start = pruned.filter(range => range.writer === writer).reduce(later, undefined);
      chain = new ChainWalk(writer, start, expected.get(writer) ?? new Map(), findings);
    }
    chain.step(row);
    ends.set(chain.writer, chain.end);
  }
  await findNotChained(db, findings);
  checkHeads(heads ?? [], ends, pruned, findings);
  checkSeals(await rangesOf(db, 'sealed'), ends, pruned, findings);
  return {
    intact: findings.length === 0,
    rows,
    writers: ends.size,
    sealedRows,
    pruned,
    heads: heads?.length ?? 0,
    truncation: heads === undefined || heads.length === 0 ? 'not-excluded' : 'excluded-up-to-the-heads',
    findings,
  };
}

/** One writer's chain, row by row. */
class ChainWalk {
  readonly writer: string;
  readonly #heads: ReadonlyMap<number, string>;
  readonly #findings: Finding[];
  #last: StoredRecord | undefined;
  #seq: number;
  #hash: string;

  constructor(writer: string, start: PrunedRange | undefined, heads: ReadonlyMap<number, string>, findings: Finding[]) {
    this.writer = writer;
    this.#seq = start?.last_seq ?? 0;
    this.#hash = start?.last_hash ?? GENESIS;
    this.#heads = heads;
    this.#findings = findings;
  }

  get end(): Head {
    return { writer: this.writer, seq: this.#seq, hash: this.#hash };
  }

  step(row: StoredRecord): void {
    const seq = row.seq ?? 0;
    const last = this.#last;
    if (seq <= this.#seq) {
      const why = last === undefined ? 'it belongs to a range that was pruned' : `row id ${last.id} has that number`;
      this.#find('inserted', row, `inserted: it is number ${seq} of its chain, but ${why}`);
      return;
    }
    this.#last = row;
    const gap = seq - this.#seq - 1;
    if (gap > 0) {
      const range = gap === 1 ? `number ${seq - 1}` : `numbers ${this.#seq + 1} to ${seq - 1}`;
      const after = last === undefined ? 'before' : `between row id ${last.id} and`;
      this.#find('removed', row, `removed: ${range} of the chain, ${after} this row`);
    }
    const own = hashOf(row) === row.hash;
    if (last !== undefined && row.id < last.id) {
      this.#find('reordered', row, `reordered: it follows row id ${last.id} in the chain, but stands before it`);
    } else if (!own) {
      this.#find('edited', row, 'edited: its columns do not give its hash');
    }
    if (gap === 0 && row.prev_hash !== this.#hash) this.#brokenLink(row, last, own);
    const head = this.#heads.get(seq);
    if (head !== undefined && head !== row.hash)
      this.#find('rewritten', row, 'rewritten: a head that was kept has another hash for this row');
    this.#seq = seq;
    this.#hash = row.hash ?? '';
  }

  #brokenLink(row: StoredRecord, last: StoredRecord | undefined, own: boolean): void {
    // An edit of prev_hash itself has been reported already.
    if (!own) return;
    if (last === undefined) this.#find('rewritten', row, 'rewritten: it does not follow the start of its chain');
    else this.#find('rewritten', last, `rewritten: row id ${row.id}, which follows it, was chained to another hash`);
  }

  #find(kind: Finding['kind'], { id, seq }: StoredRecord, message: string): void {
    this.#findings.push({ kind, id, writer: this.writer, seq, message });
  }
}

function headsByWriter(heads: readonly Head[]): Map<string, Map<number, string>> {
  const map = new Map<string, Map<number, string>>();
  for (const { writer, seq, hash } of heads) map.set(writer, (map.get(writer) ?? new Map()).set(seq, hash));
  return map;
}

/** Heads beyond the end of a chain. Those within were compared on the way. */
function checkHeads(
  heads: readonly Head[],
  ends: ReadonlyMap<string, Head>,
  pruned: readonly PrunedRange[],
  findings: Finding[],
): void {
  const furthest = new Map<string, Head>();
  for (const head of heads) if (head.seq > (furthest.get(head.writer)?.seq ?? 0)) furthest.set(head.writer, head);
  for (const { writer, seq, hash } of furthest.values()) {
    const range = pruned.filter(r => r.writer === writer).reduce(later, undefined);
    const end = ends.get(writer)?.seq ?? range?.last_seq;
    const place = { id: null, writer, seq };
    if (end === undefined) {
      const message = `missing: a head that was kept has number ${seq}, but no row of this writer is left`;
      findings.push({ kind: 'missing-writer', ...place, message });
    } else if (seq > end) {
      const message = `cut: the chain ends with number ${end}, a head that was kept has number ${seq}`;
      findings.push({ kind: 'cut', ...place, message });
    } else if (range !== undefined && seq === range.last_seq && hash !== range.last_hash) {
      const message = 'rewritten: the record of pruning has another hash for this number than a head that was kept';
      findings.push({ kind: 'rewritten', ...place, message });
    }
  }
}

/** The chain of the old rows must end where the sealing says. */
function checkSeals(
  seals: readonly PrunedRange[],
  ends: ReadonlyMap<string, Head>,
  pruned: readonly PrunedRange[],
  findings: Finding[],
): void {
  const end = ends.get(SEALED_WRITER);
  const place = { id: null, writer: SEALED_WRITER };
  if (end !== undefined && seals.length === 0) {
    const message = 'the rows of the old broker have no seal: the row that recorded it is gone';
    findings.push({ kind: 'seal-broken', ...place, seq: end.seq, message });
  }
  for (const seal of seals) {
    const range = pruned.filter(r => r.writer === SEALED_WRITER).reduce(later, undefined);
    const seq = end?.seq ?? range?.last_seq ?? 0;
    const hash = end?.hash ?? range?.last_hash ?? GENESIS;
    if (seq === seal.last_seq && hash === seal.last_hash) continue;
    const message = `the rows of the old broker do not match their seal: it has ${seal.last_seq}, the chain ends with ${seq}${seq === seal.last_seq ? ' and another hash' : ''}`;
    findings.push({ kind: 'seal-broken', ...place, seq, message });
  }
}

async function findNotChained(db: AuditDatabase, findings: Finding[]): Promise<void> {
  if (!db.chained) return;
  const rows = await db.query<StoredRecord>(
    'SELECT * FROM records WHERE writer IS NULL OR seq IS NULL OR seq < 1 OR hash IS NULL OR prev_hash IS NULL ORDER BY id LIMIT 1000',
  );
  for (const { id, writer, seq } of rows) {
    const message = 'inserted: it is in no chain, so it was written by an old broker after the migration, or by hand';
    findings.push({ kind: 'inserted', id, writer, seq, message });
  }
}

/** What the audit log's own rows say about ranges. */
async function rangesOf(db: AuditDatabase, outcome: 'pruned' | 'sealed'): Promise<PrunedRange[]> {
  const rows = await db.query<StoredRecord>('SELECT * FROM records WHERE via = ? AND outcome = ? ORDER BY id', [
    LOG_VIA,
    outcome,
  ]);
  return rows.flatMap(row => {
    try {
      const { writer, last_seq, last_hash } = JSON.parse(row.outcome_detail ?? '') as PrunedRange;
      return [{ writer, last_seq, last_hash, at: row.minted_at }];
    } catch {
      return [];
    }
  });
}

function later(found: PrunedRange | undefined, range: PrunedRange): PrunedRange {
  return found === undefined || range.last_seq > found.last_seq ? range : found;
}
