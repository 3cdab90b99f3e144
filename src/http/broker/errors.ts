/**
 * The broker's error bodies, `{"error":"<kind>","message":"<text>"}`: the same as the old broker's.
 *
 * @module
 */
import { isRequestErrorKind, type RequestErrorKind } from '../../lib/error-kinds.ts';
import { WalletcredsError } from '../../lib/errors.ts';
import { type ErrorSerializer, fieldsFor, httpResponse, publicError } from '../response.ts';

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
  readonly kind = 'RateLimited';
  /** Whole seconds. */
  readonly retryAfter: number;

  constructor(message: string, retryAfter: number) {
    super(message);
    this.retryAfter = retryAfter;
  }
}

/** Status and kind of each failure here. Failures of this program's own tokens and keys are internal: the caller can't fix them. */
const RESPONSES: Readonly<Record<RequestErrorKind, readonly [status: number, kind: BrokerErrorKind]>> = {
  HostNotAllowed: [403, 'forbidden'],
  ForwardedRequestRefused: [403, 'forbidden'],
  BrowserRequestRefused: [403, 'forbidden'],
  MethodNotAllowed: [405, 'method_not_allowed'],
  NotFound: [404, 'not_found'],
  BadRequest: [400, 'bad_request'],
  RequestTimeout: [408, 'bad_request'],
  BodyNotAllowed: [413, 'bad_request'],
  RequestHeaderFieldsTooLarge: [431, 'bad_request'],
  TooManyConnections: [429, 'rate_limited'],
  RateLimited: [429, 'rate_limited'],
  InvalidAuthorizationToken: [401, 'unauthorized'],
  WorkloadMismatch: [403, 'forbidden'],
  WorkloadUnknown: [403, 'forbidden'],
  SessionBackendUnavailable: [502, 'backend_unreachable'],
  IssuerUnavailable: [502, 'backend_unreachable'],
  TagMismatch: [500, 'internal'],
  BrokerRefused: [502, 'backend_unreachable'],
  BrokerUnavailable: [502, 'backend_unreachable'],
  StsRefused: [502, 'sts_error'],
  StsUnavailable: [502, 'sts_error'],
  ResponseTooLarge: [502, 'sts_error'],
  CredentialsUninitialized: [500, 'internal'],
  AuditUnavailable: [500, 'audit_error'],
};

/** HTTP status and kind of a failure; `internal` for everything that is no failure of a request. */
export function kindOf(error: unknown): { status: number; kind: BrokerErrorKind } {
  const known = error instanceof WalletcredsError && isRequestErrorKind(error.kind);
  const [status, kind] = known ? RESPONSES[error.kind] : ([500, 'internal'] as const);
  return { status, kind };
}

/** @param allow the methods for `Allow` of a 405 */
export const serializeBrokerError: ErrorSerializer = (error, allow) => {
  const { status, kind } = kindOf(error);
  const { message } = publicError(error);
  const retryAfter = error instanceof RateLimited ? error.retryAfter : 1;
  return httpResponse(status, 'application/json', JSON.stringify({ error: kind, message }), {
    ...fieldsFor(status, allow),
    ...(status === 429 && { 'Retry-After': String(retryAfter) }),
  });
};
