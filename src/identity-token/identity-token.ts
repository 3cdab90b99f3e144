/**
 * The JWT that STS will trust, and where one comes from.
 *
 * @module
 */
import type { Workload } from '../workload/workload.ts';

/** A compact JWT that has passed every check of `check.ts` for one workload. */
export interface IdentityToken {
  readonly jwt: string;
  readonly issuer: string;
  readonly subject: string;
  readonly audience: string;
  /** Unix seconds. */
  readonly expiresAt: number;
  /** `kid` of its header, if it has one. */
  readonly keyId: string | undefined;
  /** Whether it carries the wallet as a principal tag. False only for a file token that a session policy confines. */
  readonly tagged: boolean;
}

export interface TokenOptions {
  readonly signal?: AbortSignal;
  /** The token that the caller presented; only for `identity_token.broker.bearer: caller`. */
  readonly presentedToken?: string;
}

/** Gives a fresh, checked token for every attempt. */
export interface IdentityTokenSource {
  /** @throws TagMismatch, CredentialsUninitialized, BrokerRefused, BrokerUnavailable */
  get(workload: Workload, options?: TokenOptions): Promise<IdentityToken>;
}
