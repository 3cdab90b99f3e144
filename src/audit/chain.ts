/**
 * The hash chain: what an auditor needs to re-compute it without this program.
 *
 * Each writer (one opening of the database by one process, a random name) numbers its rows 1, 2, 3 … in `seq`, and each
 * row holds in `prev_hash` the `hash` of the row before it; the first holds 64 zeros. Replicas have a chain each, so they
 * don't wait for one another.
 *
 *     hash = lower-case hexadecimal SHA-256 of the UTF-8 bytes of the canonical form
 *     canonical form = one JSON array (RFC 8785: no spaces, shortest escapes, integers in decimal, null):
 *       ["walletcreds/mint_log/1", <every column of the table but hash, in the table's order, id first, prev_hash last>]
 *
 * In Python: `sha256(json.dumps(["walletcreds/mint_log/1", *row[:-1]], ensure_ascii=False, separators=(',', ':')).encode())`.
 *
 * The chain shows that rows were changed, removed, inserted or reordered within it. It can't show that the end of a chain,
 * or a whole chain, is missing, nor that somebody who can write the table computed all of it anew: for that the heads are
 * logged, to be kept where whoever writes the table can't write.
 *
 * @module
 */
import { createHash, randomBytes } from 'node:crypto';
import { type AuditRecord, COLUMNS, type StoredRecord, type Value } from './columns.ts';

/** What stands in `prev_hash` of a writer's first row. */
export const GENESIS = '0'.repeat(64);

const FORM = 'walletcreds/mint_log/1';
const MIDDLE = COLUMNS.slice(1, -2) as readonly Exclude<keyof StoredRecord, 'id' | 'prev_hash' | 'hash'>[];

/** Where a writer's chain stands; `at` is when the row was written, ISO 8601. */
export interface Head {
  readonly writer: string;
  readonly seq: number;
  readonly hash: string;
}

/** The text that is hashed. */
export function canonical(record: Omit<StoredRecord, 'hash'>): string {
  const { before, after } = canonicalParts(record);
  return `${before}${record.id}${after}${JSON.stringify(record.prev_hash)}]`;
}

/** The canonical form around the id and the previous hash, for a database that gives both. */
export function canonicalParts(record: Omit<StoredRecord, 'id' | 'prev_hash' | 'hash'>): {
  readonly before: string;
  readonly after: string;
} {
  const values: Value[] = MIDDLE.map(column => record[column]);
  return { before: `[${JSON.stringify(FORM)},`, after: `,${JSON.stringify(values).slice(1, -1)},` };
}

/** SHA-256 over the canonical form, lower-case hexadecimal. */
export function hashOf(row: Omit<StoredRecord, 'hash'>): string {
  return createHash('sha256').update(canonical(row)).digest('hex');
}

/** A name for a new writer: 16 hexadecimal digits. */
export function newWriter(): string {
  return randomBytes(8).toString('hex');
}

/** The head of a chain that has no row yet. */
export function emptyHead(writer: string): Head {
  return { writer, seq: 0, hash: GENESIS };
}

/**
 * Puts rows behind a head.
 *
 * @param idOf the id that the row will have, by its index
 */
export function link(head: Head, rows: readonly AuditRecord[], idOf: (index: number) => number): StoredRecord[] {
  let { seq, hash: prev } = head;
  return rows.map((row, index) => {
    const open = { id: idOf(index), ...row, writer: head.writer, seq: ++seq, prev_hash: prev };
    const hash = hashOf(open);
    prev = hash;
    return { ...open, hash };
  });
}
