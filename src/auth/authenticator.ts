/**
 * Turns the value of `Authorization` into a caller or a refusal, at every listener.
 *
 * The order is fixed. A static token comes first. A value in the form of a JWT goes to the JWT issuers alone, whose refusal
 * is final. Every other value goes to the session backend, if the listener has one and the value has a bearer's form. A
 * listener knows only its own tokens, so a token for one listener is refused at another.
 *
 * @module
 */
import { InvalidAuthorizationToken, reusable } from '../lib/errors.ts';
import type { Caller } from './caller.ts';
import { type JwtAuthenticator, looksLikeJwt } from './jwt.ts';
import { SESSION_BEARER } from './session-backend.ts';
import { withoutScheme } from './static-tokens.ts';

const UNKNOWN = reusable(new InvalidAuthorizationToken('the authorization token is missing or not one that is known'));

export interface Authenticator {
  /**
   * Synchronous for static tokens, so that a cached answer needs no further turn of the event loop.
   *
   * @param authorization the raw header; undefined or '' when there was none
   * @throws InvalidAuthorizationToken, WorkloadUnknown, SessionBackendUnavailable, IssuerUnavailable (thrown, or as the
   *   promise's rejection)
   */
  authenticate(authorization: string | undefined): Caller | Promise<Caller>;
}

export interface AuthenticatorOptions {
  /** The static tokens of this listener: a caller, or undefined for a value that isn't one of them. */
  readonly token: (authorization: string) => Caller | undefined;
  readonly jwt?: JwtAuthenticator | undefined;
  readonly session?: ((bearer: string) => Promise<Caller>) | undefined;
}

export function createAuthenticator({ token, jwt, session }: AuthenticatorOptions): Authenticator {
  return {
    authenticate(authorization) {
      if (authorization === undefined || authorization === '') throw UNKNOWN;
      const caller = token(authorization);
      if (caller !== undefined) return caller;
      const value = withoutScheme(authorization);
      if (looksLikeJwt(value)) {
        if (jwt === undefined) throw UNKNOWN;
        return jwt.authenticate(value);
      }
      if (session === undefined || !SESSION_BEARER.test(value)) throw UNKNOWN;
      return session(value);
    },
  };
}
