/**
 * The rows that vending writes.
 *
 * @module
 */
import type { AuditRow } from '../audit/log.ts';
import type { Caller } from '../auth/caller.ts';
import { StsRefused, StsUnavailable, type WalletcredsError } from '../lib/errors.ts';
import { masked } from '../lib/log.ts';
import { sessionNameOf, type Workload } from '../workload/workload.ts';
import type { Credentials } from './credentials.ts';

/** Who asked, as far as a row tells; what runs by itself is `local` and has no hash. */
export type Requester = Pick<Caller, 'tokenHash' | 'kind'>;

export const BY_ITSELF: Requester = { tokenHash: '', kind: 'local' };

interface About {
  readonly workload: Workload;
  readonly by: Requester;
  readonly via: AuditRow['via'];
  /** ms since the epoch. */
  readonly wall: number;
}

function row({ workload, by, via, wall }: About): Omit<AuditRow, 'outcome'> {
  return {
    minted_at: Math.floor(wall / 1000),
    requester_token_hash: by.tokenHash,
    requester_wallet: workload.wallet,
    requested_role: 'data-role-via-jwt',
    session_duration_seconds: workload.sessionDuration,
    sts_session_name: sessionNameOf(workload),
    outcome_detail: null,
    via,
    source: null,
    role_arn: workload.role.arn,
    workload: workload.name,
    caller_kind: by.kind,
    access_key_id: null,
    credentials_expiration: null,
    sts_request_id: null,
    count: 1,
  };
}

function facts({ accessKeyId, expiration, requestId }: Credentials) {
  return {
    access_key_id: accessKeyId,
    credentials_expiration: Math.floor(expiration / 1000),
    sts_request_id: requestId ?? null,
  };
}

/** Credentials are about to leave. */
export function vendRow(about: About, credentials: Credentials, source: 'fresh' | 'memory', count: number): AuditRow {
  return { ...row(about), ...facts(credentials), outcome: 'ok', source, count };
}

/** Nothing was had, and why. */
export function failureRow(about: About, error: WalletcredsError): AuditRow {
  const fromSts = error instanceof StsRefused || error instanceof StsUnavailable;
  return {
    ...row(about),
    outcome: fromSts ? 'sts_error' : 'backend_error',
    outcome_detail: masked(`${error.code}: ${error.message}`),
    sts_request_id: fromSts ? (error.requestId ?? null) : null,
  };
}

/** An exchange ended after its identity had left the snapshot; without credentials, it was called off before STS answered. */
export function discardedRow(about: About, credentials: Credentials | undefined): AuditRow {
  return {
    ...row(about),
    ...(credentials === undefined ? {} : facts(credentials)),
    outcome: 'discarded',
    outcome_detail:
      credentials === undefined
        ? 'the identity left the configuration while STS was asked'
        : 'the identity left the configuration before its credentials were vended',
    source: 'fresh',
  };
}
