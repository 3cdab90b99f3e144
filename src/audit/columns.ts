/**
 * The columns of `mint_log` in their order, and a row as it is stored.
 *
 * The first nine are the old broker's table, which its queries go on reading; the order of all of them is also the order
 * in which the chain hashes them, so a new column may only ever be added at the end, with a new version of the form.
 *
 * @module
 */
import type { AuditRow } from './log.ts';

/** The table as the old broker made it. */
export const LEGACY_COLUMNS = [
  'id',
  'minted_at',
  'requester_token_hash',
  'requester_wallet',
  'requested_role',
  'session_duration_seconds',
  'sts_session_name',
  'outcome',
  'outcome_detail',
] as const;

/** What walletcreds adds, with the type that both SQLite and PostgreSQL take. */
export const ADDED_COLUMNS = [
  ['via', 'TEXT'],
  ['source', 'TEXT'],
  ['role_arn', 'TEXT'],
  ['workload', 'TEXT'],
  ['caller_kind', 'TEXT'],
  ['access_key_id', 'TEXT'],
  ['credentials_expiration', 'BIGINT'],
  ['sts_request_id', 'TEXT'],
  ['count', 'BIGINT NOT NULL DEFAULT 1'],
  ['writer', 'TEXT'],
  ['seq', 'BIGINT'],
  ['prev_hash', 'TEXT'],
  ['hash', 'TEXT'],
] as const;

/** All columns, in the order of the table. */
export const COLUMNS = [...LEGACY_COLUMNS, ...ADDED_COLUMNS.map(([name]) => name)] as const;

/** The columns that a caller fills; the rest (`id` and the chain) are the trail's own. */
export const ROW_COLUMNS = COLUMNS.slice(1, -4) as readonly (keyof AuditRow)[];

/** What a column can hold. */
export type Value = string | number | null;

/** A row of an old broker's database that was never migrated has only nulls behind the ninth column. */
export interface StoredRow {
  readonly id: number;
  readonly minted_at: number;
  readonly requester_token_hash: string;
  readonly requester_wallet: string;
  readonly requested_role: string;
  readonly session_duration_seconds: number;
  readonly sts_session_name: string;
  readonly outcome: string;
  readonly outcome_detail: string | null;
  readonly via: string | null;
  readonly source: string | null;
  readonly role_arn: string | null;
  readonly workload: string | null;
  readonly caller_kind: string | null;
  readonly access_key_id: string | null;
  readonly credentials_expiration: number | null;
  readonly sts_request_id: string | null;
  readonly count: number;
  /** Random per opening of the database; {@link SEALED_WRITER} for what the old broker wrote; null where nobody chained it. */
  readonly writer: string | null;
  /** 1, 2, 3 … per writer, without a gap. */
  readonly seq: number | null;
  readonly prev_hash: string | null;
  readonly hash: string | null;
}

/** The writer of the old broker's rows, which were chained when the database was migrated. */
export const SEALED_WRITER = 'sealed';

/** What the trail writes about itself has this in `via`. */
export const TRAIL_VIA = 'trail';

/** One of the trail's own rows: rows of an old broker sealed, a range pruned, back after an outage. */
export type OwnOutcome = 'sealed' | 'pruned' | 'recovered';

/** A row before it has an id and a place in the chain. */
export type NewRow = Omit<StoredRow, 'id' | 'writer' | 'seq' | 'prev_hash' | 'hash'>;

/**
 * What the trail records about itself.
 *
 * @param mintedAt unix seconds
 */
export function ownRow(outcome: OwnOutcome, detail: string, mintedAt: number): NewRow {
  return {
    minted_at: mintedAt,
    requester_token_hash: '',
    requester_wallet: 'unknown',
    requested_role: 'trail',
    session_duration_seconds: 0,
    sts_session_name: '(trail)',
    outcome,
    outcome_detail: detail,
    via: TRAIL_VIA,
    source: null,
    role_arn: null,
    workload: null,
    caller_kind: 'none',
    access_key_id: null,
    credentials_expiration: null,
    sts_request_id: null,
    count: 1,
  };
}

const MAX_TEXT = 2048;
const MAX_DETAIL = 300;

/**
 * The row as both databases store it without a change, so that the hash over it is the hash over what is read back:
 * integers whole, text well-formed and without NUL, none of it endless.
 */
export function normalised(row: AuditRow | NewRow): NewRow {
  const out: Record<string, Value> = {};
  for (const column of ROW_COLUMNS) {
    const value = (row[column] ?? null) as Value;
    if (typeof value === 'number') out[column] = Number.isFinite(value) ? Math.trunc(value) : 0;
    else if (typeof value === 'string') out[column] = text(value, column === 'outcome_detail' ? MAX_DETAIL : MAX_TEXT);
    else out[column] = value;
  }
  return out as unknown as NewRow;
}

function text(value: string, max: number): string {
  const cut = value.length > max ? `${value.slice(0, max - 1)}…` : value;
  // Lone surrogates have no UTF-8; NUL ends a text in SQLite and is refused by PostgreSQL.
  return /[\0\p{Surrogate}]/u.test(cut) ? cut.replace(/[\0\p{Surrogate}]/gu, '\ufffd') : cut;
}
