/**
 * The event of a request that was rejected at the endpoint or the broker.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import type { Caller } from '../auth/caller.ts';
import { withoutScheme } from '../auth/static-tokens.ts';
import { AuthenticationError, WalletcredsError } from '../lib/errors.ts';
import { errorFields } from '../lib/log.ts';
import type { RequestRejected } from './event.ts';

/**
 * @param request.authorization the raw header; a secret, of which only a hash is kept
 * @param request.caller who asked, where that was known before the rejection
 * @param request.detail default: code and message of the error
 */
export function rejection(request: {
  readonly at: number;
  readonly via: RequestRejected['via'];
  readonly authorization: string | undefined;
  readonly caller: Caller | undefined;
  readonly error: unknown;
  readonly detail?: string;
}): RequestRejected {
  const { at, via, authorization, caller, error } = request;
  const { code, message } = errorFields(error);
  return {
    type: 'request-rejected',
    at,
    via,
    caller,
    tokenHash: hashOf(authorization === undefined ? '' : withoutScheme(authorization)),
    outcome: outcomeOf(error),
    detail: request.detail ?? `${code}: ${message}`,
  };
}

function hashOf(presented: string): string {
  return presented === '' ? '' : createHash('sha256').update(presented).digest('hex');
}

/** Not authenticated, not allowed, or switched off is `auth_failed`; what isn't the caller's fault is `backend_error`. */
function outcomeOf(error: unknown): RequestRejected['outcome'] {
  if (!(error instanceof WalletcredsError)) return 'backend_error';
  if (error.kind === 'RateLimited' || error.kind === 'TooManyConnections') return 'rate_limited';
  const refused = error instanceof AuthenticationError && !error.transient;
  return refused || error.kind === 'NotFound' ? 'auth_failed' : 'backend_error';
}
