/**
 * The way of every mint: authentication, the bound on mints in flight, the caller's rate, then the minting itself. Each has
 * one record in the audit log, whatever its end.
 *
 * @module
 */
import type { Context } from 'hono';
import type { AuditLog } from '../../audit/log.ts';
import { rejection } from '../../audit/rejection.ts';
import type { Authenticator } from '../../auth/authenticator.ts';
import type { Caller } from '../../auth/caller.ts';
import type { Clock } from '../../lib/clock.ts';
import { AuditUnavailable, InvalidAuthorizationToken, NotFound } from '../../lib/errors.ts';
import { errorFields, type Logger } from '../../lib/log.ts';
import { createRefusalLog } from '../../lib/refusal-log.ts';
import type { AppEnv } from '../node-adapter.ts';
import { httpResponse, loggedReason, webResponse } from '../response.ts';
import { kindOf, serializeBrokerError } from './errors.ts';
import { createRateLimiter, type RateLimits } from './rate-limit.ts';

export interface MintOptions {
  readonly authenticator: Authenticator;
  readonly auditLog: AuditLog;
  readonly clock: Clock;
  readonly log: Logger;
  readonly limits?: RateLimits | undefined;
}

/** One route. */
export interface MintRoute {
  readonly via: 'mint-aws-creds' | 'mint-oidc-jwt';
  /** Fields that every response has. */
  readonly headers: Readonly<Record<string, string>>;
  /** False: 404 for everybody; the audit log has a record of each call still. */
  readonly offered: () => boolean;
  /** @returns the body of the 200, whose record is on disk */
  readonly run: (caller: Caller) => Promise<object>;
}

/** All routes share the limits. */
export function createMint(options: MintOptions) {
  const { authenticator, auditLog, clock, log } = options;
  const limiter = createRateLimiter(clock, options.limits);
  const logRefusal = createRefusalLog({ log, clock });
  // An unauthenticated client can cause these too, as often as it asks: an issuer or a backend that is down is a 502.
  const logFailure = createRefusalLog({ log, clock, level: 'error' });

  return ({ via, headers, offered, run }: MintRoute) =>
    async (c: Context<AppEnv>): Promise<Response> => {
      const authorization = c.req.header('Authorization');
      const since = clock.monotonic();
      let caller: Caller | undefined;
      let leave: (() => void) | undefined;
      let running = false;
      try {
        if (!offered()) {
          caller = await authenticate(authorization).catch(() => undefined);
          throw new NotFound(`${via} is switched off; the migration page says what to use`);
        }
        caller = await authenticate(authorization);
        c.env.authenticated(caller.workload.id);
        leave = limiter.enter();
        limiter.take(caller.workload.id);
        running = true;
        const body = await run(caller);
        const { name, wallet } = caller.workload;
        log.info({ via, workload: name, wallet, ms: Math.round(clock.monotonic() - since) }, 'minted');
        return webResponse(httpResponse(200, 'application/json', JSON.stringify(body), headers));
      } catch (error) {
        // Vending records an exchange that fails, with STS's own words. It can't where the audit log itself is the failure.
        const recorded = running && via === 'mint-aws-creds' && !(error instanceof AuditUnavailable);
        if (!recorded) auditLog.recordFailure(rejection({ at: clock.wall(), via, authorization, caller, error }));
        const { status, kind } = kindOf(error);
        const fields = {
          via,
          workload: caller?.workload.name ?? '-',
          error: kind,
          code: errorFields(error).code,
          message: loggedReason(error),
        };
        if (status >= 500) logFailure(fields.code, fields);
        else logRefusal(fields.code, fields);
        const refusal = serializeBrokerError(error, []);
        return webResponse({ ...refusal, headers: { ...refusal.headers, ...headers } });
      } finally {
        leave?.();
      }
    };

  async function authenticate(authorization: string | undefined): Promise<Caller> {
    return authenticator.authenticate(bearerOf(authorization));
  }
}

/** Callers of the old broker send `Bearer <session>`, and nothing else is taken. */
function bearerOf(authorization: string | undefined): string {
  const value = /^Bearer ([^\s]+)$/i.exec(authorization ?? '')?.[1];
  if (value !== undefined) return value;
  const none = authorization === undefined || authorization === '';
  throw new InvalidAuthorizationToken(
    `${none ? 'no bearer' : 'a malformed Authorization header'}; send Authorization: Bearer <session>`,
  );
}
