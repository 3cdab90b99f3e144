/**
 * One class per failure, each with a stable `code` that users see in answers, logs and the audit log.
 *
 * `status` is the HTTP status at the credentials endpoint (the README: "What the endpoint answers"); the broker has wire
 * shapes of its own and maps the classes there. `transient` says whether asking again later can help: a transient failure
 * is retried and answered with `Retry-After`, a final one is remembered for a while and answered with a 4xx.
 *
 * Messages are for users: they say what is wrong and how to mend it, and never hold a secret.
 *
 * @module
 */
import { plain } from './plain-text.ts';

/** Root of every failure that walletcreds itself raises. */
export abstract class WalletcredsError extends Error {
  abstract readonly code: string;
  abstract readonly status: number;
  readonly transient: boolean = false;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/**
 * An error that is made once and thrown as often as need be, since it says nothing of a single request: strangers ask by
 * the ten thousand, and a stack trace for each of them costs more than to answer. It is frozen, so nobody can tell one
 * what another was refused for; its answer is made once as well.
 */
export function standing<E extends WalletcredsError>(error: E): E {
  return Object.freeze(error);
}

/** A failure that may pass by itself: 503 and `Retry-After: 1` at the endpoint. */
export abstract class TransientError extends WalletcredsError {
  readonly status = 503;
  override readonly transient = true;
}

// --- guards, in the order in which they are judged -------------------------------------------------------------------

export class HostNotAllowed extends WalletcredsError {
  readonly code = 'HostNotAllowed';
  readonly status = 403;
}
export class ForwardedRequestRefused extends WalletcredsError {
  readonly code = 'ForwardedRequestRefused';
  readonly status = 403;
}
export class BrowserRequestRefused extends WalletcredsError {
  readonly code = 'BrowserRequestRefused';
  readonly status = 403;
}
export class MethodNotAllowed extends WalletcredsError {
  readonly code = 'MethodNotAllowed';
  readonly status = 405;
}
export class NotFound extends WalletcredsError {
  readonly code = 'NotFound';
  readonly status = 404;
}

// --- the request as such ---------------------------------------------------------------------------------------------

export class BadRequest extends WalletcredsError {
  readonly code = 'BadRequest';
  readonly status = 400;
}
export class RequestTimeout extends WalletcredsError {
  readonly code = 'RequestTimeout';
  readonly status = 408;
}
export class BodyNotAllowed extends WalletcredsError {
  readonly code = 'BodyNotAllowed';
  readonly status = 413;
}
export class RequestHeaderFieldsTooLarge extends WalletcredsError {
  readonly code = 'RequestHeaderFieldsTooLarge';
  readonly status = 431;
}
export class TooManyConnections extends TransientError {
  readonly code = 'TooManyConnections';
}

// --- who is asking ---------------------------------------------------------------------------------------------------

export class InvalidAuthorizationToken extends WalletcredsError {
  readonly code = 'InvalidAuthorizationToken';
  readonly status = 401;
}
export class WorkloadMismatch extends WalletcredsError {
  readonly code = 'WorkloadMismatch';
  readonly status = 403;
}
export class WorkloadUnknown extends WalletcredsError {
  readonly code = 'WorkloadUnknown';
  readonly status = 403;
}
/** Who is asking can't be found out: the session backend, or the JWKS of a caller's issuer, is not to be had. */
export class BackendUnreachable extends TransientError {
  readonly code = 'SessionBackendUnavailable';
}

// --- the identity token ----------------------------------------------------------------------------------------------

/** The identity token is not this workload's; `claim` names the offending one. Nothing was sent to STS. */
export class TagMismatch extends WalletcredsError {
  readonly code = 'TagMismatch';
  readonly status = 403;
  readonly claim: string;

  constructor(claim: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.claim = claim;
  }
}
/** The identity token can't be had from where the configuration says (missing file, unreadable key): mend, then it works. */
export class IdentityTokenUnavailable extends TransientError {
  readonly code = 'CredentialsUninitialized';
}
export class BrokerRefused extends WalletcredsError {
  readonly code = 'BrokerRefused';
  readonly status = 403;
}
export class BrokerUnavailable extends TransientError {
  readonly code = 'BrokerUnavailable';
}

// --- the exchange ----------------------------------------------------------------------------------------------------

/** STS said no and will say no again; `code` is STS's own (`AccessDenied`, `InvalidIdentityToken`, …). */
export class StsRefused extends WalletcredsError {
  readonly code: string;
  readonly status = 403;
  readonly requestId: string | undefined;

  constructor(code: string, message: string, options?: ErrorOptions & { requestId?: string | undefined }) {
    super(message, options);
    this.code = code;
    this.requestId = options?.requestId;
  }
}
/** STS throttles, fails, can't be reached, or answers what can't be vended. */
export class StsUnavailable extends TransientError {
  readonly code = 'StsUnavailable';
  readonly requestId: string | undefined;

  constructor(message: string, options?: ErrorOptions & { requestId?: string | undefined }) {
    super(message, options);
    this.requestId = options?.requestId;
  }
}
/** The answer would exceed the 10,000 bytes that aws-c-auth reads. */
export class ResponseTooLarge extends WalletcredsError {
  readonly code = 'ResponseTooLarge';
  readonly status = 403;
}

// --- vending ---------------------------------------------------------------------------------------------------------

/** Nothing in memory yet; the first exchange goes on in the background. */
export class CredentialsUninitialized extends TransientError {
  readonly code = 'CredentialsUninitialized';
}
/** The audit row could not be written: credentials are withheld. */
export class AuditUnavailable extends TransientError {
  readonly code = 'AuditUnavailable';
}
/** The identity that was asked for is no longer in the configuration. */
export class IdentityDiscarded extends TransientError {
  readonly code = 'CredentialsUninitialized';
}

// --- the program -----------------------------------------------------------------------------------------------------

/** One finding in a configuration: where, which key, what is wrong and how to mend it. */
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
  readonly code = 'ConfigError';
  readonly status = 500;
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

/** The command line is wrong. Exit status 2. */
export class UsageError extends WalletcredsError {
  readonly code = 'UsageError';
  readonly status = 500;
}
