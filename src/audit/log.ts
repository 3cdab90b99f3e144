/**
 * The trail: one append-only table, `mint_log`. What leaves the process has a row on disk first.
 *
 * @module
 */

/** The nine columns of the old broker's table, unchanged in name and meaning, then ours. `id` and the chain are the trail's. */
export interface AuditRow {
  /** Unix seconds. */
  readonly minted_at: number;
  /** SHA-256 of the caller's bearer or authorization token, hexadecimal; '' without one. */
  readonly requester_token_hash: string;
  /** Lower case; `unknown` where nobody was recognised. */
  readonly requester_wallet: string;
  /** `data-role-via-jwt`, `oidc_jwt`; `assume_role` ARNs only in rows of the old broker. */
  readonly requested_role: string;
  readonly session_duration_seconds: number;
  /** `(unauthenticated)` without a caller; the `kid` for `oidc_jwt`. */
  readonly sts_session_name: string;
  readonly outcome: 'ok' | 'auth_failed' | 'backend_error' | 'sts_error' | 'discarded' | 'revoked';
  /** A code or a short text, at most 300 characters, never a secret. */
  readonly outcome_detail: string | null;
  /** Where it was vended, or what was done. */
  readonly via: 'endpoint' | 'mint-aws-creds' | 'mint-oidc-jwt' | 'exec' | 'credentials' | 'keys';
  /** Whether an exchange was made for it, or it came from memory. */
  readonly source: 'fresh' | 'memory' | null;
  readonly role_arn: string | null;
  readonly workload: string | null;
  /** How the caller proved itself. */
  readonly caller_kind: 'token' | 'relative' | 'bearer' | 'jwt' | 'session' | 'local' | 'none';
  readonly access_key_id: string | null;
  /** Unix seconds. */
  readonly credentials_expiration: number | null;
  readonly sts_request_id: string | null;
  /** How many vends or failures the row stands for; 1 but for grouped ones. */
  readonly count: number;
}

/** An append-only store of rows. */
export interface Trail {
  /**
   * Resolves once the row is durable; the caller releases nothing before.
   * @throws AuditUnavailable when it can't be written within 0.5 s
   */
  append(row: AuditRow): Promise<void>;
  /** Best effort, summed to at most 60 rows a minute; never throws, never waits. */
  note(row: AuditRow): void;
  /** Whether the last write worked; for readiness, and so that nothing is signed or exchanged while it is down. */
  readonly available: boolean;
  /** The reason while unavailable. */
  readonly reason: string | undefined;
  /** Writes what is queued, logs the heads, closes. */
  close(): Promise<void>;
}
