/**
 * What is asked of an audit log: records by filter, callers, heads, chains.
 *
 * @module
 */
import type { AuditDatabase } from './audit-database.ts';
import type { Head } from './chain.ts';
import { LOG_VIA, type StoredRecord, type Value } from './columns.ts';

const PAGE = 500;

/** All that are given must hold. */
export interface RecordFilter {
  readonly wallet?: string;
  readonly workload?: string;
  readonly outcome?: string;
  readonly via?: string;
  /** Unix seconds, inclusive. */
  readonly since?: number;
}

/** A caller: one presented token, wallet, workload and listener. */
export interface CallerSummary {
  readonly requester_token_hash: string;
  readonly requester_wallet: string;
  readonly workload: string | null;
  readonly via: string | null;
  readonly count: number;
  /** Unix seconds. */
  readonly last_seen: number;
}

/** Records by id, read page by page, so that a log of any size fits into memory. */
export async function* recordsOf(
  db: AuditDatabase,
  filter: RecordFilter,
  { newestFirst = false, limit = Number.POSITIVE_INFINITY } = {},
): AsyncGenerator<StoredRecord> {
  const { where, values } = conditions(filter);
  const [than, order] = newestFirst ? ['<', 'DESC'] : ['>', 'ASC'];
  let last = newestFirst ? Number.MAX_SAFE_INTEGER : Number.MIN_SAFE_INTEGER;
  for (let left = limit; left > 0; ) {
    const page = await db.query<StoredRecord>(
      `SELECT * FROM records WHERE ${where} AND id ${than} ? ORDER BY id ${order} LIMIT ${Math.min(PAGE, left)}`,
      [...values, last],
    );
    yield* page;
    left -= page.length;
    if (page.length < PAGE) return;
    last = (page.at(-1) as StoredRecord).id;
  }
}

/** Who asked, how often and when last; latest first. */
export async function callersOf(db: AuditDatabase, filter: RecordFilter): Promise<CallerSummary[]> {
  const { where, values } = conditions(filter);
  return db.query<CallerSummary>(
    `SELECT requester_token_hash, requester_wallet, workload, via, CAST(sum("count") AS BIGINT) AS count,
       max(minted_at) AS last_seen
     FROM records WHERE ${where} AND (via IS NULL OR via <> '${LOG_VIA}')
     GROUP BY requester_token_hash, requester_wallet, workload, via
     ORDER BY max(minted_at) DESC, requester_token_hash, requester_wallet, via`,
    values,
  );
}

/** The last record of each chain; `at` is the time of its event, ISO 8601. */
export async function headsOf(db: AuditDatabase): Promise<(Head & { at: string })[]> {
  if (!db.chained) return [];
  const heads = await db.query<Head & { minted_at: number }>(
    `SELECT writer, seq, hash, minted_at FROM mint_log AS m
     WHERE seq = (SELECT max(seq) FROM mint_log AS n WHERE n.writer = m.writer) ORDER BY minted_at, writer`,
  );
  return heads.map(({ writer, seq, hash, minted_at }) => ({
    writer,
    seq,
    hash,
    at: new Date(minted_at * 1000).toISOString(),
  }));
}

/** Records in the order of the chains, without those that aren't in one. */
export async function* chainsOf(db: AuditDatabase): AsyncGenerator<StoredRecord> {
  let last: readonly [Value, Value, Value] = ['', 0, 0];
  for (;;) {
    const page = await db.query<StoredRecord>(
      `SELECT * FROM records WHERE (writer, seq, id) > (?, ?, ?) ORDER BY writer, seq, id LIMIT ${PAGE}`,
      last,
    );
    yield* page;
    if (page.length < PAGE) return;
    const { writer, seq, id } = page.at(-1) as StoredRecord;
    last = [writer, seq, id];
  }
}

function conditions({ wallet, workload, outcome, via, since }: RecordFilter): { where: string; values: Value[] } {
  const given = [
    ['requester_wallet = ?', wallet],
    ['workload = ?', workload],
    ['outcome = ?', outcome],
    ['via = ?', via],
    ['minted_at >= ?', since],
  ].filter((entry): entry is [string, string | number] => entry[1] !== undefined);
  return { where: ['1 = 1', ...given.map(([sql]) => sql)].join(' AND '), values: given.map(([, value]) => value) };
}
