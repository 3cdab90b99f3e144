/**
 * The broker's rows in the trail, for what vending doesn't write itself: refusals at the door, and minted JWTs.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import type { AuditRow } from '../../audit/log.ts';
import type { Caller } from '../../auth/caller.ts';
import { withoutScheme } from '../../auth/static-tokens.ts';
import type { Clock } from '../../lib/clock.ts';
import { InvalidAuthorizationToken, NotFound, WorkloadUnknown } from '../../lib/errors.ts';
import { errorFields, masked } from '../../lib/log.ts';
import { sessionNameOf } from '../../workload/workload.ts';

export type MintVia = 'mint-aws-creds' | 'mint-oidc-jwt';

const REQUESTED = { 'mint-aws-creds': 'data-role-via-jwt', 'mint-oidc-jwt': 'oidc_jwt' } as const;

/** What every row of a caller holds, and of a request without one. */
function base(clock: Clock, via: MintVia, caller: Caller | undefined, authorization: string | undefined) {
  const presented = authorization === undefined ? '' : withoutScheme(authorization);
  return {
    minted_at: Math.floor(clock.wall() / 1_000),
    requester_token_hash:
      caller?.tokenHash ?? (presented === '' ? '' : createHash('sha256').update(presented).digest('hex')),
    requester_wallet: caller?.workload.wallet ?? 'unknown',
    requested_role: REQUESTED[via],
    via,
    workload: caller?.workload.name ?? null,
    caller_kind: caller?.kind ?? 'none',
    source: null,
    role_arn: null,
    access_key_id: null,
    credentials_expiration: null,
    sts_request_id: null,
    count: 1,
  } as const;
}

/**
 * A request that got nothing and has no row yet. Who isn't recognised, may not mint, or calls what is switched off is
 * `auth_failed`; whatever else kept it from an answer is `backend_error`.
 */
export function refusalRow(
  clock: Clock,
  request: { via: MintVia; authorization: string | undefined; caller: Caller | undefined; error: unknown },
): AuditRow {
  const { error } = request;
  const { code, message } = errorFields(error);
  const refused =
    error instanceof InvalidAuthorizationToken || error instanceof WorkloadUnknown || error instanceof NotFound;
  return {
    ...base(clock, request.via, request.caller, request.authorization),
    session_duration_seconds: 0,
    sts_session_name: request.caller === undefined ? '(unauthenticated)' : sessionNameOf(request.caller.workload),
    outcome: refused ? 'auth_failed' : 'backend_error',
    outcome_detail: masked(`${code}: ${message}`),
  };
}

/** A JWT that is about to leave. The session name is the `kid` and the duration the JWT's, as ever. */
export function jwtRow(clock: Clock, caller: Caller, minted: { keyId: string; ttlSeconds: number }): AuditRow {
  return {
    ...base(clock, 'mint-oidc-jwt', caller, undefined),
    session_duration_seconds: minted.ttlSeconds,
    sts_session_name: minted.keyId,
    outcome: 'ok',
    outcome_detail: null,
  };
}
