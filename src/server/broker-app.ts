/**
 * Makes the broker's app from the layers below.
 *
 * @module
 */
import type { Hono } from 'hono';
import type { AuditLog } from '../audit/log.ts';
import { createAdminAccess } from '../auth/admin-token.ts';
import type { Caller } from '../auth/caller.ts';
import type { Config } from '../config/types.ts';
import type { Vending } from '../credentials/vending.ts';
import { type Check, readiness } from '../http/admin/readiness.ts';
import { createBrokerApp } from '../http/broker/index.ts';
import type { AppEnv } from '../http/node-adapter.ts';
import { createWellKnownApp } from '../http/oidc/well-known.ts';
import { httpResponse } from '../http/response.ts';
import { signIdentityToken } from '../identity-token/signer.ts';
import type { KeyStores } from '../identity-token/source.ts';
import type { Clock } from '../lib/clock.ts';
import { WorkloadUnknown } from '../lib/errors.ts';
import type { Logger } from '../lib/log.ts';
import { currentAuthenticator, type Snapshot } from './snapshot.ts';

export interface BrokerParts {
  readonly snapshot: () => Snapshot;
  readonly vending: Vending;
  readonly auditLog: AuditLog;
  readonly keys: KeyStores;
  readonly clock: Clock;
  readonly log: Logger;
  readonly checks: () => readonly Check[];
}

export function brokerApp({ snapshot, vending, auditLog, keys, clock, log, checks }: BrokerParts): Hono<AppEnv> {
  const config = () => snapshot().config;
  const mayRead = createAdminAccess(() => config().admin);
  const signer = () => {
    const { identityToken } = config().defaults;
    if (identityToken.kind !== 'signer') throw new TypeError('a broker without a signer was started');
    return identityToken;
  };
  return createBrokerApp({
    authenticator: currentAuthenticator('broker', snapshot, clock),
    vending,
    auditLog,
    clock,
    log,
    mintAwsCreds: () => config().broker?.mintAwsCreds ?? false,
    mayHaveRawJwt: caller => mayHaveRawJwt(config(), caller),
    holds: caller => snapshot().authenticators.yields(caller),
    async sign(caller) {
      const { keysDir, purpose, issuer, audience, ttlSeconds } = signer();
      const now = clock.wall();
      const key = (await keys(keysDir, purpose).current()).activeKey(now);
      const { workload } = caller;
      return { ...(await signIdentityToken({ key, issuer, audience, ttlSeconds, workload, now })), ttlSeconds };
    },
    readiness(authorization) {
      const found = readiness([], checks());
      const status = found.ready ? 'ready' : 'not_ready';
      // Unauthenticated clients get the status alone. JSON leaves out an undefined `reason`.
      const shown = mayRead(authorization)
        ? { checks: found.checks.map(({ name, status, reason }) => ({ name, status, reason })) }
        : {};
      return httpResponse(found.ready ? 200 : 503, 'application/json', JSON.stringify({ status, ...shown }));
    },
    wellKnown: documents(),
  });

  /** The issuer is part of the routes, and a reload may change it. */
  function documents(): () => Hono<AppEnv> {
    let made: { readonly id: string; readonly app: Hono<AppEnv> } | undefined;
    return () => {
      const { issuer } = signer();
      const { walletTag } = config();
      const id = JSON.stringify([issuer, walletTag]);
      if (made?.id !== id) {
        const current = () => keys(signer().keysDir, signer().purpose).current();
        const app = createWellKnownApp({ issuer, keys: current, clock, walletTag });
        // Errors have the broker's form.
        app.onError(error => {
          throw error;
        });
        made = { id, app };
      }
      return made.app;
    };
  }
}

/** With a raw JWT, a client could leave out the session policy, or take the top level's role instead of the workload's. */
function mayHaveRawJwt(config: Config, { workload }: Caller): boolean {
  if (workload.origin === 'dynamic') return true;
  const configured = config.workloads.get(workload.name);
  if (configured === undefined) throw new WorkloadUnknown('this workload is no longer in the configuration');
  const confined = workload.sessionPolicy !== undefined || workload.role.arn !== config.defaults.role?.arn;
  return !confined || configured.rawJwt;
}
