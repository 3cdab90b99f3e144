/**
 * What the audit log records, in the program's own terms. {@link recordOf} is the one place that knows the columns.
 *
 * @module
 */
import type { Caller } from '../auth/caller.ts';
import { StsRefused, StsUnavailable, type WalletcredsError } from '../lib/errors.ts';
import { masked } from '../lib/text/masked.ts';
import { sessionNameOf, type Workload } from '../workload/workload.ts';
import { type AuditRecord, BLANK, type VEND_VIAS } from './columns.ts';

/** Who asked: how, and the SHA-256 of what was presented (hexadecimal). */
export type Requester = Pick<Caller, 'kind' | 'tokenHash'>;

/** The requester of work that nobody asked for: prefetch and renewal. */
export const LOCAL: Requester = { kind: 'local', tokenHash: '' };

export type VendVia = (typeof VEND_VIAS)[number];

/** What the log says of credentials: never the secrets. */
export interface IssuedCredentials {
  readonly accessKeyId: string;
  /** Unix ms. */
  readonly expiration: number;
  /** STS's. */
  readonly requestId?: string | undefined;
}

interface At {
  /** Unix ms. */
  readonly at: number;
}

interface Vend extends At {
  readonly workload: Workload;
  readonly requester: Requester;
  readonly via: VendVia;
}

/** Credentials are about to leave the process. */
export interface CredentialsVended extends Vend {
  readonly type: 'credentials-vended';
  readonly credentials: IssuedCredentials;
  readonly source: 'fetched' | 'cached';
  /** How many vends the event stands for. */
  readonly count: number;
}

/** No credentials were had. */
export interface ExchangeFailed extends Vend {
  readonly type: 'exchange-failed';
  readonly error: WalletcredsError;
}

/** An exchange ended after its identity had left the configuration. Nothing was vended. */
export interface ExchangeDiscarded extends Vend {
  readonly type: 'exchange-discarded';
  /** Undefined: the exchange was cancelled before STS answered. */
  readonly credentials: IssuedCredentials | undefined;
}

/** A JWT is about to leave the broker. */
export interface IdentityTokenMinted extends At {
  readonly type: 'identity-token-minted';
  readonly workload: Workload;
  readonly requester: Requester;
  readonly keyId: string;
  readonly ttlSeconds: number;
}

/** A request got nothing, before any exchange. */
export interface RequestRejected extends At {
  readonly type: 'request-rejected';
  readonly via: 'endpoint' | 'mint-aws-creds' | 'mint-oidc-jwt';
  /** Undefined: not authenticated. */
  readonly caller: (Requester & { readonly workload: Workload }) | undefined;
  /** Of what was presented; '' for nothing. */
  readonly tokenHash: string;
  readonly outcome: 'auth_failed' | 'rate_limited' | 'backend_error';
  /** A code or a short text. */
  readonly detail: string;
}

/** A signing key was revoked by an operator. */
export interface SigningKeyRevoked extends At {
  readonly type: 'signing-key-revoked';
  readonly kid: string;
}

export type AuditEvent =
  | CredentialsVended
  | ExchangeFailed
  | ExchangeDiscarded
  | IdentityTokenMinted
  | RequestRejected
  | SigningKeyRevoked;

const MINTED_ROLE = 'data-role-via-jwt';
const OIDC_JWT = 'oidc_jwt';
const UNAUTHENTICATED = '(unauthenticated)';

/** The columns of an event. */
export function recordOf(event: AuditEvent): AuditRecord {
  const blank = { ...BLANK, minted_at: seconds(event.at) };
  switch (event.type) {
    case 'credentials-vended': {
      const { credentials, source, count } = event;
      return {
        ...blank,
        ...vendColumns(event),
        ...credentialColumns(credentials),
        outcome: 'ok',
        source,
        count,
      };
    }
    case 'exchange-failed': {
      const { error } = event;
      const fromSts = error instanceof StsRefused || error instanceof StsUnavailable;
      return {
        ...blank,
        ...vendColumns(event),
        outcome: fromSts ? 'sts_error' : 'backend_error',
        outcome_detail: masked(`${error.code}: ${error.message}`),
        sts_request_id: fromSts ? (error.requestId ?? null) : null,
      };
    }
    case 'exchange-discarded': {
      const { credentials } = event;
      const when = credentials === undefined ? 'while STS was asked' : 'before its credentials were vended';
      return {
        ...blank,
        ...vendColumns(event),
        ...(credentials === undefined ? {} : credentialColumns(credentials)),
        outcome: 'discarded',
        outcome_detail: `the identity left the configuration ${when}`,
        source: 'fetched',
      };
    }
    case 'identity-token-minted':
      return {
        ...blank,
        ...workloadColumns(event.workload, event.requester),
        requested_role: OIDC_JWT,
        session_duration_seconds: event.ttlSeconds,
        sts_session_name: event.keyId,
        outcome: 'ok',
        via: 'mint-oidc-jwt',
      };
    case 'request-rejected': {
      const { caller, via } = event;
      return {
        ...blank,
        ...(caller === undefined
          ? { requester_token_hash: event.tokenHash }
          : workloadColumns(caller.workload, caller)),
        requested_role: via === 'mint-oidc-jwt' ? OIDC_JWT : MINTED_ROLE,
        sts_session_name: caller === undefined ? UNAUTHENTICATED : sessionNameOf(caller.workload),
        outcome: event.outcome,
        outcome_detail: masked(event.detail),
        via,
      };
    }
    case 'signing-key-revoked':
      return {
        ...blank,
        requested_role: 'keys_revoke',
        sts_session_name: event.kid,
        outcome: 'revoked',
        outcome_detail: `signing key ${event.kid} revoked`,
        via: 'keys',
        caller_kind: 'local',
      };
  }
}

function vendColumns({ workload, requester, via }: Vend) {
  return {
    ...workloadColumns(workload, requester),
    requested_role: MINTED_ROLE,
    session_duration_seconds: workload.sessionDuration,
    sts_session_name: sessionNameOf(workload),
    via,
    role_arn: workload.role.arn,
  };
}

function workloadColumns({ name, wallet }: Workload, { kind, tokenHash }: Requester) {
  return { requester_token_hash: tokenHash, requester_wallet: wallet, workload: name, caller_kind: kind };
}

function credentialColumns({ accessKeyId, expiration, requestId }: IssuedCredentials) {
  return {
    access_key_id: accessKeyId,
    credentials_expiration: seconds(expiration),
    sts_request_id: requestId ?? null,
  };
}

function seconds(ms: number): number {
  return Math.floor(ms / 1000);
}
