/**
 * The hash chain: what an auditor needs to re-compute it without this program.
 *
 * A writer is one opening of the database by one process, under a random name. It numbers its records 1, 2, 3 … in `seq`.
 * Each record holds in `prev_hash` the `hash` of the record before it; the first holds 64 zeros. Replicas have a chain
 * each, so they don't wait for one another.
 *
 *     hash = lower-case hexadecimal SHA-256 of the UTF-8 bytes of the canonical form
 *     canonical form = one JSON array (RFC 8785: no spaces, shortest escapes, integers in decimal, null):
 *       ["walletcreds/mint_log/1", <every column of the table but hash, in the table's order, id first, prev_hash last>]
 *
 * In Python: `sha256(json.dumps(["walletcreds/mint_log/1", *row[:-1]], ensure_ascii=False, separators=(',', ':')).encode())`.
 *
 * The chain shows that records within it were changed, removed, inserted or reordered. It can't show that the end of a
 * chain or a whole chain is missing. It can't show that somebody who can write the table computed all of it
 * again. The logged heads show that, if they are kept where nobody who can write the table can write.
 *
 * @module
 */
import { createHash, randomBytes } from 'node:crypto';
import { type AuditRecord, COLUMNS, type StoredRecord, type Value } from './columns.ts';

/** `prev_hash` of a writer's first record. */
export const GENESIS = '0'.repeat(64);

const FORM = 'walletcreds/mint_log/1';
const MIDDLE = COLUMNS.slice(1, -2) as readonly Exclude<keyof StoredRecord, 'id' | 'prev_hash' | 'hash'>[];

/** The end of a writer's chain. */
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
export function hashOf(record: Omit<StoredRecord, 'hash'>): string {
  return createHash('sha256').update(canonical(record)).digest('hex');
}

/** A name for a new writer: 16 hexadecimal digits. */
export function newWriter(): string {
  return randomBytes(8).toString('hex');
}

/** The head of a chain that has no record yet. */
export function emptyHead(writer: string): Head {
  return { writer, seq: 0, hash: GENESIS };
}

/**
 * Chains records behind a head.
 *
 * @param idOf the id that the record will have, by its index
 */
export function link(head: Head, records: readonly AuditRecord[], idOf: (index: number) => number): StoredRecord[] {
  let { seq, hash: prev } = head;
  return records.map((record, index) => {
    const open = { id: idOf(index), ...record, writer: head.writer, seq: ++seq, prev_hash: prev };
    const hash = hashOf(open);
    prev = hash;
    return { ...open, hash };
  });
}
