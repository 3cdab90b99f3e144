/**
 * The broker's error form, `{"error":"<kind>","message":"<text>"}`, which callers of the old broker read.
 *
 * @module
 */
import {
  AuditUnavailable,
  BackendUnreachable,
  BrokerRefused,
  BrokerUnavailable,
  ResponseTooLarge,
  StsRefused,
  StsUnavailable,
  TagMismatch,
  TooManyConnections,
  WalletcredsError,
} from '../../lib/errors.ts';
import { answer, type ErrorForm, fieldsFor, publicError } from '../response.ts';

export type BrokerErrorKind =
  | 'unauthorized'
  | 'bad_request'
  | 'not_found'
  | 'method_not_allowed'
  | 'rate_limited'
  | 'forbidden'
  | 'backend_unreachable'
  | 'sts_error'
  | 'audit_error'
  | 'internal';

/** A caller is over its rate, or the broker over its bound. A sidecar takes it as transient. */
export class RateLimited extends WalletcredsError {
  readonly code = 'RateLimited';
  readonly status = 429;
  override readonly transient = true;
  /** Whole seconds. */
  readonly retryAfter: number;

  constructor(message: string, retryAfter: number) {
    super(message);
    this.retryAfter = retryAfter;
  }
}

const BY_STATUS: Readonly<Record<number, BrokerErrorKind>> = {
  400: 'bad_request',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not_found',
  405: 'method_not_allowed',
  408: 'bad_request',
  413: 'bad_request',
  431: 'bad_request',
};

/** HTTP status and kind of a failure. A class that isn't named here and has no status of a refusal is `internal`. */
export function kindOf(error: unknown): { status: number; kind: BrokerErrorKind } {
  if (error instanceof RateLimited || error instanceof TooManyConnections) return { status: 429, kind: 'rate_limited' };
  if (error instanceof AuditUnavailable) return { status: 500, kind: 'audit_error' };
  if (error instanceof BackendUnreachable || error instanceof BrokerRefused || error instanceof BrokerUnavailable) {
    return { status: 502, kind: 'backend_unreachable' };
  }
  if (error instanceof StsRefused || error instanceof StsUnavailable || error instanceof ResponseTooLarge) {
    return { status: 502, kind: 'sts_error' };
  }
  // A token of our own making that fails our own check: a fault here, not the caller's.
  if (error instanceof TagMismatch) return { status: 500, kind: 'internal' };
  const { status } = publicError(error);
  const kind = BY_STATUS[status];
  return kind === undefined ? { status: 500, kind: 'internal' } : { status, kind };
}

/** @param allow the methods for `Allow` of a 405 */
export const brokerErrorForm: ErrorForm = (error, allow) => {
  const { status, kind } = kindOf(error);
  const { message } = publicError(error);
  const retry = status === 429 ? ['Retry-After', String(error instanceof RateLimited ? error.retryAfter : 1)] : [];
  const challenge = status === 401 ? ['WWW-Authenticate', 'Bearer'] : [];
  return answer(status, 'application/json', JSON.stringify({ error: kind, message }), [
    ...fieldsFor(status, allow),
    ...retry,
    ...challenge,
  ]);
};
