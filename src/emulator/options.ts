/**
 * What the emulator is told and what it tells: the options of {@link startStsEmulator}, and the log of calls.
 *
 * @module
 */
import type { Clock } from '../lib/clock.ts';
import type { EmulatedIssuer, FetchIssuer } from './issuers.ts';
import type { EmulatedRole } from './roles.ts';

export interface StsEmulatorOptions {
  /**
   * The one account, 12 digits. Default: the account of the first role that has an ARN, else `000000000000`. Its
   * partition is that role's, too, else `aws`.
   *
   * @example accountId: '123456789012'
   */
  readonly accountId?: string;
  /**
   * The OpenID Connect providers. Their discovery document and JWKS are fetched over HTTP when a token comes.
   *
   * @example issuers: [{ issuer: 'http://127.0.0.1:8091', audiences: ['sts.amazonaws.com'] }]
   */
  readonly issuers?: readonly EmulatedIssuer[];
  /**
   * The roles, each with its trust policy. A condition that the emulator can't evaluate is an error at start.
   *
   * @example roles: [{ name: 'data-role', trustPolicy: walletTrustPolicy({ accountId, issuer, audience, walletTag }) }]
   */
  readonly roles?: readonly EmulatedRole[];
  /**
   * Time; default the machine's.
   *
   * @example clock: { ...systemClock, wall: () => Date.UTC(2030, 0, 1) }
   */
  readonly clock?: Clock;
  /**
   * How issuers' documents are fetched; default the global `fetch`. For tests without a listener.
   *
   * @example fetchIssuer: url => Promise.resolve(issuerApp.request(url))
   */
  readonly fetchIssuer?: FetchIssuer;
  /**
   * How long an issuer's keys are believed, ms; a key id that is missing is looked up again at once. Default 60,000.
   *
   * @example jwksMaxAgeMs: 0 // fetch them for every token
   */
  readonly jwksMaxAgeMs?: number;
  /**
   * Every answer is held back for so long, ms; default 0.
   *
   * @example latencyMs: 3_000 // a slow STS
   */
  readonly latencyMs?: number;
}

/** One request, as it came and went. Holds no secret: no token, no signature, no credentials but the access-key id. */
export interface EmulatedCall {
  /** ms since the epoch. */
  readonly at: number;
  /** `Action`; '' where there was none. */
  readonly action: string;
  readonly requestId: string;
  readonly status: number;
  /** The error's code; undefined for a success. */
  readonly code: string | undefined;
  /** Whether it had an `Authorization` header or a presigned query. */
  readonly signed: boolean;
  readonly roleArn: string | undefined;
  readonly sessionName: string | undefined;
  readonly durationSeconds: string | undefined;
  /** Whether an inline session policy came along. */
  readonly policy: boolean;
  /** The key that was handed out, or that signed. */
  readonly accessKeyId: string | undefined;
}

/** A failure to answer the next calls with. */
export interface EmulatedFault {
  /** @example 'ThrottlingException', 'IDPRejectedClaim', 'ServiceUnavailable' */
  readonly code: string;
  readonly message?: string;
  /** Default: AWS's for that code (403 for `IDPRejectedClaim`, 503 for `ServiceUnavailable`), 400 for one that is not known. */
  readonly status?: number;
  /** How many calls; default 1. `Infinity` until another `fail` with 0. */
  readonly times?: number;
}
