/**
 * The columns of `mint_log` in their order, and a record as it is stored.
 *
 * The first nine are the old broker's table, whose queries go on working. The chain hashes the columns in this order. A
 * new column may only be added at the end, with a new version of the canonical form.
 *
 * @module
 */
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

/** The columns of a record; `id` and the chain are added when it is written. */
export const RECORD_COLUMNS = COLUMNS.slice(1, -4) as readonly (keyof AuditRecord)[];

/** What a column can hold. */
export type Value = string | number | null;

/** What is recorded of an event, column by column; as it is handed to a database. */
export interface AuditRecord {
  /** Unix seconds. */
  readonly minted_at: number;
  /** SHA-256 of the caller's bearer or authorization token, hexadecimal; '' without one. */
  readonly requester_token_hash: string;
  /** Lower case; `unknown` where nobody was authenticated. */
  readonly requester_wallet: string;
  /** `data-role-via-jwt`, `oidc_jwt`, `keys_revoke`; ARNs only in records of the old broker. */
  readonly requested_role: string;
  readonly session_duration_seconds: number;
  /** `(unauthenticated)` without a caller; the `kid` for `oidc_jwt`. */
  readonly sts_session_name: string;
  /** `ok`, `auth_failed`, `rate_limited`, `backend_error`, `sts_error`, `discarded`, `revoked`; the log's own: {@link LogOutcome}. */
  readonly outcome: string;
  /** A code or a short text, at most 300 characters, never a secret. */
  readonly outcome_detail: string | null;
  /** Where credentials were vended, or what was done. The columns from here on are null in an old broker's database. */
  readonly via: (typeof VIAS)[number] | null;
  /** `fetched`: an exchange was made for it; `cached`: the credentials were cached. */
  readonly source: string | null;
  readonly role_arn: string | null;
  readonly workload: string | null;
  /** How the caller authenticated. */
  readonly caller_kind: string | null;
  readonly access_key_id: string | null;
  /** Unix seconds. */
  readonly credentials_expiration: number | null;
  readonly sts_request_id: string | null;
  /** How many vends or failures the record stands for. */
  readonly count: number;
}

/** A record with its id and its place in a chain. The last four are null where nothing chained it. */
export interface StoredRecord extends AuditRecord {
  readonly id: number;
  /** Random per opening of the database; {@link SEALED_WRITER} for what the old broker wrote. */
  readonly writer: string | null;
  /** 1, 2, 3 … per writer, without a gap. */
  readonly seq: number | null;
  readonly prev_hash: string | null;
  readonly hash: string | null;
}

/** The writer of the old broker's records, which were chained when the database was migrated. */
export const SEALED_WRITER = 'sealed';

/** `via` of what the log records about itself. */
export const LOG_VIA = 'audit';

/** Where credentials are vended. */
export const VEND_VIAS = ['endpoint', 'mint-aws-creds', 'exec', 'credentials'] as const;

/** Every value of `via`. */
export const VIAS = [...VEND_VIAS, 'mint-oidc-jwt', 'keys', LOG_VIA] as const;

/** What the log records about itself: an old broker's records sealed, a range pruned, writable again after an outage. */
export type LogOutcome = 'sealed' | 'pruned' | 'recovered';

/** The columns of a record that knows neither caller nor credentials. */
export const BLANK = {
  requester_token_hash: '',
  requester_wallet: 'unknown',
  session_duration_seconds: 0,
  outcome_detail: null,
  source: null,
  role_arn: null,
  workload: null,
  caller_kind: 'none',
  access_key_id: null,
  credentials_expiration: null,
  sts_request_id: null,
  count: 1,
} as const satisfies Partial<AuditRecord>;

/**
 * What the log records about itself.
 *
 * @param mintedAt unix seconds
 */
export function logRecord(outcome: LogOutcome, detail: string, mintedAt: number): AuditRecord {
  return {
    ...BLANK,
    minted_at: mintedAt,
    requested_role: LOG_VIA,
    sts_session_name: `(${LOG_VIA})`,
    outcome,
    outcome_detail: detail,
    via: LOG_VIA,
  };
}

const MAX_TEXT = 2048;
const MAX_DETAIL = 300;

/**
 * The record as both databases store it without a change, so that the hash over it is the hash over what is read back.
 * Integers are whole; text is well-formed, without NUL and cut.
 */
export function normalised(record: AuditRecord): AuditRecord {
  const out: Record<string, Value> = {};
  for (const column of RECORD_COLUMNS) {
    const value = record[column] ?? null;
    if (typeof value === 'number') out[column] = Number.isFinite(value) ? Math.trunc(value) : 0;
    else if (typeof value === 'string') out[column] = text(value, column === 'outcome_detail' ? MAX_DETAIL : MAX_TEXT);
    else out[column] = value;
  }
  return out as unknown as AuditRecord;
}

function text(value: string, max: number): string {
  const cut = value.length > max ? `${value.slice(0, max - 1)}…` : value;
  // Lone surrogates have no UTF-8; NUL ends a text in SQLite and is refused by PostgreSQL.
  return /[\0\p{Surrogate}]/u.test(cut) ? cut.replace(/[\0\p{Surrogate}]/gu, '\ufffd') : cut;
}
