/**
 * A batch of records in one statement, so that a commit is one round trip however far the server is.
 *
 * The hash covers the id, which the sequence gives when the record is inserted. So the server computes the hashes, from
 * the canonical form without id and previous hash.
 *
 * @module
 */
import type { ClientBase } from 'pg';
import { canonicalParts, type Head } from '../chain.ts';
import { type AuditRecord, COLUMNS } from '../columns.ts';

/** The columns whose values are sent: all but the first, and the last two. */
const SENT = COLUMNS.slice(1, -2) as readonly Exclude<(typeof COLUMNS)[number], 'id' | 'prev_hash' | 'hash'>[];
const INTEGERS = /^(minted_at|session_duration_seconds|credentials_expiration|count|seq)$/;
const ARRAYS = SENT.map((column, n) => `$${n + 4}::${INTEGERS.test(column) ? 'bigint' : 'text'}[]`);
const NEXT_ID = "nextval(pg_get_serial_sequence('mint_log', 'id'))";
const hashOf = (n: string, id: string, previous: string) =>
  `encode(sha256(convert_to($2::text || ${id} || ($3::text[])[${n}] || '"' || ${previous} || '"]', 'UTF8')), 'hex')`;

/** $1: the previous hash. $2: the canonical form before the id. $3: what comes after it, for each record. */
const APPEND = `WITH RECURSIVE chained(n, id, prev_hash, hash) AS (
    SELECT 1, first.id, $1::text, ${hashOf('1', 'first.id', '$1::text')} FROM (SELECT ${NEXT_ID} AS id) AS first
  UNION ALL
    SELECT next.n, next.id, chained.hash, ${hashOf('next.n', 'next.id', 'chained.hash')}
    FROM chained, LATERAL (SELECT chained.n + 1 AS n, ${NEXT_ID} AS id) AS next
    WHERE chained.n < cardinality($3::text[])
  ), inserted AS (
    INSERT INTO mint_log (${COLUMNS.join(', ')})
    SELECT chained.id, ${SENT.map(column => `given.${column}`).join(', ')}, chained.prev_hash, chained.hash
    FROM chained JOIN unnest(${ARRAYS.join(', ')}) WITH ORDINALITY AS given(${SENT.join(', ')}, n) ON given.n = chained.n
    ORDER BY chained.n
    RETURNING seq, hash
  )
  SELECT hash FROM inserted ORDER BY seq DESC LIMIT 1`;

/** Appends records behind a head, all or none. @returns the new head */
export async function append(client: ClientBase, head: Head, records: readonly AuditRecord[]): Promise<Head> {
  if (records.length === 0) return head;
  const placed = records.map((record, n) => ({ ...record, writer: head.writer, seq: head.seq + 1 + n }));
  const parts = placed.map(record => canonicalParts({ ...record }));
  const { rows } = await client.query<{ hash: string }>(APPEND, [
    head.hash,
    parts[0]?.before,
    parts.map(({ after }) => after),
    ...SENT.map(column => placed.map(record => record[column])),
  ]);
  const hash = rows[0]?.hash;
  if (hash === undefined) throw new Error('the database answered without a hash');
  return { writer: head.writer, seq: head.seq + records.length, hash };
}
