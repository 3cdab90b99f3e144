/**
 * The endpoint's refusals in the trail. Who was refused is noted in sums and never waited for; a failed exchange has its
 * row from vending already.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import type { Trail } from '../audit/log.ts';
import { withoutScheme } from '../auth/static-tokens.ts';
import type { EndpointRefusal } from '../http/endpoint/index.ts';
import type { Clock } from '../lib/clock.ts';
import { BackendUnreachable, InvalidAuthorizationToken, WorkloadMismatch, WorkloadUnknown } from '../lib/errors.ts';

export function createRefusalNotes(trail: Trail, clock: Clock): { endpoint(refusal: EndpointRefusal): void } {
  return {
    endpoint({ error, code, authorization, caller }) {
      const atTheDoor =
        error instanceof InvalidAuthorizationToken ||
        error instanceof WorkloadMismatch ||
        error instanceof WorkloadUnknown ||
        error instanceof BackendUnreachable;
      if (!atTheDoor) return;
      const presented = authorization === undefined ? '' : withoutScheme(authorization);
      trail.note({
        minted_at: Math.floor(clock.wall() / 1_000),
        requester_token_hash:
          caller?.tokenHash ?? (presented === '' ? '' : createHash('sha256').update(presented).digest('hex')),
        requester_wallet: caller?.workload.wallet ?? 'unknown',
        requested_role: 'data-role-via-jwt',
        session_duration_seconds: 0,
        sts_session_name: '(unauthenticated)',
        outcome: error instanceof BackendUnreachable ? 'backend_error' : 'auth_failed',
        outcome_detail: code,
        via: 'endpoint',
        source: null,
        role_arn: null,
        workload: caller?.workload.name ?? null,
        caller_kind: caller?.kind ?? 'none',
        access_key_id: null,
        credentials_expiration: null,
        sts_request_id: null,
        count: 1,
      });
    },
  };
}
