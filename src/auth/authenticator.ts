/**
 * One mechanism for every listener: what stands in `Authorization` becomes a caller, or a refusal.
 *
 * The order is fixed and nothing falls through: a static token; else, where the value has the form of a JWT, the JWT
 * issuers alone, whose verdict is final; else the session backend, where this listener has it and the value may be carried
 * there. Which proofs a listener takes is decided by what it is given: a proof for one is nothing at another.
 *
 * @module
 */
import { InvalidAuthorizationToken, reusable } from '../lib/errors.ts';
import type { Caller, CallerResolver } from './caller.ts';
import { type JwtCallers, looksLikeJwt } from './jwt.ts';
import { SESSION_BEARER, type SessionBackend } from './session-backend.ts';
import { withoutScheme } from './static-tokens.ts';

const UNKNOWN = reusable(new InvalidAuthorizationToken('the authorization token is missing or not one that is known'));

export interface CallersOptions {
  /** The static tokens of this listener: a caller, or undefined for a value that isn't one of them. */
  readonly token: (authorization: string) => Caller | undefined;
  readonly jwt?: JwtCallers | undefined;
  readonly session?: SessionBackend | undefined;
}

export function createCallers({ token, jwt, session }: CallersOptions): CallerResolver {
  return {
    resolve(authorization) {
      if (authorization === undefined || authorization === '') throw UNKNOWN;
      const caller = token(authorization);
      if (caller !== undefined) return caller;
      const value = withoutScheme(authorization);
      if (looksLikeJwt(value)) {
        if (jwt === undefined) throw UNKNOWN;
        return jwt.resolve(value);
      }
      if (session === undefined || !SESSION_BEARER.test(value)) throw UNKNOWN;
      return session.resolve(value);
    },
  };
}
