/**
 * The kinds of failures: a closed list, so that every mapping over it is complete.
 *
 * @module
 */

/**
 * Failures of a request: the status at the credentials endpoint, and whether asking again later can succeed. A transient
 * failure is retried and answered with `Retry-After`; a final one is remembered for a while. The broker maps kinds to its own form.
 */
export const REQUEST_FAILURES = {
  HostNotAllowed: { status: 403 },
  ForwardedRequestRefused: { status: 403 },
  BrowserRequestRefused: { status: 403 },
  MethodNotAllowed: { status: 405 },
  NotFound: { status: 404 },
  BadRequest: { status: 400 },
  RequestTimeout: { status: 408 },
  BodyNotAllowed: { status: 413 },
  RequestHeaderFieldsTooLarge: { status: 431 },
  TooManyConnections: { status: 503, transient: true },
  RateLimited: { status: 429, transient: true },
  InvalidAuthorizationToken: { status: 401 },
  WorkloadMismatch: { status: 403 },
  WorkloadUnknown: { status: 403 },
  SessionBackendUnavailable: { status: 503, transient: true },
  IssuerUnavailable: { status: 503, transient: true },
  TagMismatch: { status: 403 },
  BrokerRefused: { status: 403 },
  BrokerUnavailable: { status: 503, transient: true },
  StsRefused: { status: 403 },
  StsUnavailable: { status: 503, transient: true },
  ResponseTooLarge: { status: 403 },
  CredentialsUninitialized: { status: 503, transient: true },
  AuditUnavailable: { status: 503, transient: true },
} as const satisfies Record<string, { status: number; transient?: true }>;

/** What a request can fail with. */
export type RequestErrorKind = keyof typeof REQUEST_FAILURES;

/** What only the program can fail with, at its start or in a command. */
export type ProgramErrorKind =
  | 'ConfigError'
  | 'UsageError'
  | 'UnusableKeys'
  | 'TlsFilesUnusable'
  | 'ListenFailed'
  | 'DevPortTaken'
  | 'NotIntact'
  | 'NoCredentials'
  | 'EndpointRefused'
  | 'MintRefused';

export type ErrorKind = RequestErrorKind | ProgramErrorKind;

/** Whether a kind can be a request's; every other one is a 500 there. */
export function isRequestErrorKind(kind: ErrorKind): kind is RequestErrorKind {
  return Object.hasOwn(REQUEST_FAILURES, kind);
}
