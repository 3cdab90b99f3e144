/**
 * Every failure that walletcreds raises. One class has one kind, and the kind fixes the HTTP status and whether it is transient.
 *
 * `code` is what users see in answers, logs and audit records. It equals the kind, except where another program's code is
 * passed on, as STS's is. Messages say what is wrong and how to fix it, and never hold a secret.
 *
 * @module
 */
import { type ErrorKind, isRequestErrorKind, REQUEST_FAILURES } from './error-kinds.ts';
import { plain } from './text/plain.ts';

export abstract class WalletcredsError extends Error {
  abstract readonly kind: ErrorKind;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }

  get code(): string {
    return this.kind;
  }

  get status(): number {
    return isRequestErrorKind(this.kind) ? REQUEST_FAILURES[this.kind].status : 500;
  }

  get transient(): boolean {
    return isRequestErrorKind(this.kind) && 'transient' in REQUEST_FAILURES[this.kind];
  }
}

/** A failure that passes on the code of another program. */
export abstract class RelayedError extends WalletcredsError {
  readonly #code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.#code = code;
  }

  override get code(): string {
    return this.#code;
  }
}

/**
 * Freezes an error that is made once and thrown often, since it says nothing of a single request. Unauthenticated clients ask
 * by the ten thousand, and a stack trace for each costs more than its answer.
 */
export function reusable<E extends WalletcredsError>(error: E): E {
  return Object.freeze(error);
}

export class HostNotAllowed extends WalletcredsError {
  readonly kind = 'HostNotAllowed';
}
export class ForwardedRequestRefused extends WalletcredsError {
  readonly kind = 'ForwardedRequestRefused';
}
export class BrowserRequestRefused extends WalletcredsError {
  readonly kind = 'BrowserRequestRefused';
}
export class MethodNotAllowed extends WalletcredsError {
  readonly kind = 'MethodNotAllowed';
}
export class NotFound extends WalletcredsError {
  readonly kind = 'NotFound';
}
export class BadRequest extends WalletcredsError {
  readonly kind = 'BadRequest';
}
export class RequestTimeout extends WalletcredsError {
  readonly kind = 'RequestTimeout';
}
export class BodyNotAllowed extends WalletcredsError {
  readonly kind = 'BodyNotAllowed';
}
export class RequestHeaderFieldsTooLarge extends WalletcredsError {
  readonly kind = 'RequestHeaderFieldsTooLarge';
}
export class TooManyConnections extends WalletcredsError {
  readonly kind = 'TooManyConnections';
}

/** The caller is unknown, not allowed, or can't be authenticated now. */
export abstract class AuthenticationError extends WalletcredsError {}

/** The answer never says why; `cause` does, for the log. */
export class InvalidAuthorizationToken extends AuthenticationError {
  readonly kind = 'InvalidAuthorizationToken';
}
export class WorkloadMismatch extends AuthenticationError {
  readonly kind = 'WorkloadMismatch';
}
export class WorkloadUnknown extends AuthenticationError {
  readonly kind = 'WorkloadUnknown';
}
export class SessionBackendUnavailable extends AuthenticationError {
  readonly kind = 'SessionBackendUnavailable';
}
/** The keys of an issuer of callers' JWTs can't be fetched. */
export class IssuerUnavailable extends AuthenticationError {
  readonly kind = 'IssuerUnavailable';
}

/** The identity token is not this workload's; `claim` names the offending one. Nothing was sent to STS. */
export class TagMismatch extends WalletcredsError {
  readonly kind = 'TagMismatch';
  readonly claim: string;

  constructor(claim: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.claim = claim;
  }
}
export class BrokerRefused extends WalletcredsError {
  readonly kind = 'BrokerRefused';
}
export class BrokerUnavailable extends WalletcredsError {
  readonly kind = 'BrokerUnavailable';
}

/** STS refused and will refuse again; `code` is STS's own (`AccessDenied`, `InvalidIdentityToken`, …). */
export class StsRefused extends RelayedError {
  readonly kind = 'StsRefused';
  readonly requestId: string | undefined;

  constructor(code: string, message: string, options?: ErrorOptions & { requestId?: string | undefined }) {
    super(code, message, options);
    this.requestId = options?.requestId;
  }
}
/** STS throttles, fails, can't be reached, or gives an answer that can't be vended. */
export class StsUnavailable extends WalletcredsError {
  readonly kind = 'StsUnavailable';
  readonly requestId: string | undefined;
  /** STS is asked too often. */
  readonly throttled: boolean;

  constructor(message: string, options?: ErrorOptions & { requestId?: string | undefined; throttled?: boolean }) {
    super(message, options);
    this.requestId = options?.requestId;
    this.throttled = options?.throttled ?? false;
  }
}
/** The answer would exceed the 10,000 bytes that aws-c-auth reads. */
export class ResponseTooLarge extends WalletcredsError {
  readonly kind = 'ResponseTooLarge';
}

/** There are no credentials yet: the exchange goes on, no identity token can be had, or the identity left the configuration. */
export class CredentialsUninitialized extends WalletcredsError {
  readonly kind = 'CredentialsUninitialized';
}
/** The audit record could not be written, so credentials are withheld. */
export class AuditUnavailable extends WalletcredsError {
  readonly kind = 'AuditUnavailable';
}

/** The command line is wrong. Exit status 2. */
export class UsageError extends WalletcredsError {
  readonly kind = 'UsageError';
}

/** One finding in a configuration: where, which key, what is wrong and how to fix it. */
export interface ConfigProblem {
  /** 1-based; absent where no text stands behind the finding. */
  readonly line?: number;
  readonly column?: number;
  /** Dotted path (`workloads.scraper-a.wallet`), empty for the whole file. */
  readonly key: string;
  readonly message: string;
}

/** Every problem of a configuration at once. Exit status 2. */
export class ConfigError extends WalletcredsError {
  readonly kind = 'ConfigError';
  readonly problems: readonly ConfigProblem[];
  /** Every file that was read, or looked for, until the problems were found, and which one it was. */
  readonly sources: ReadonlyMap<string, string>;

  constructor(file: string, problems: readonly ConfigProblem[], sources = new Map<string, string>()) {
    super(
      problems
        .map(({ line, column, key, message }) => {
          const place = line === undefined ? file : `${file}:${line}:${column ?? 1}`;
          const said = key === '' ? `${place}: ${message}` : `${place} ${key}: ${message}`;
          // A finding is one line, whatever stands in the key.
          return plain(said).replaceAll('\n', ' ');
        })
        .join('\n'),
    );
    this.problems = problems;
    this.sources = sources;
  }
}
