/**
 * The endpoint's rejected requests in the audit log. A failed exchange has its record from vending already.
 *
 * @module
 */
import type { AuditLog } from '../audit/log.ts';
import { rejection } from '../audit/rejection.ts';
import type { EndpointRefusal } from '../http/endpoint/index.ts';
import type { Clock } from '../lib/clock.ts';
import { AuthenticationError } from '../lib/errors.ts';

export function createRejectedAudit(auditLog: AuditLog, clock: Clock): { endpoint(refusal: EndpointRefusal): void } {
  return {
    endpoint({ error, code, authorization, caller }) {
      if (!(error instanceof AuthenticationError)) return;
      const at = clock.wall();
      auditLog.recordFailure(rejection({ at, via: 'endpoint', authorization, caller, error, detail: code }));
    },
  };
}
