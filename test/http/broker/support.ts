/**
 * The broker's app over stand-ins: an authenticator, a vending and an audit log that a test steers.
 *
 * @module
 */

import type { Hono } from 'hono';
import type { Caller } from '../../../src/auth/caller.ts';
import type { Vending } from '../../../src/credentials/vending.ts';
import { type BrokerOptions, createBrokerApp } from '../../../src/http/broker/index.ts';
import type { AppEnv } from '../../../src/http/node-adapter.ts';
import { httpResponse } from '../../../src/http/response.ts';
import { InvalidAuthorizationToken } from '../../../src/lib/errors.ts';
import { silent, WALLET } from '../../auth/support.ts';
import { type FakeAuditLog, fakeAuditLog } from '../../credentials/support.ts';
import { type FakeClock, fakeClock } from '../../support/fake-clock.ts';
import { workload } from '../../support/workload.ts';
import { credentials } from '../support/sample.ts';

export const BEARER = 'session-0123456789abcdef';

export interface Broker {
  readonly auditLog: FakeAuditLog;
  readonly clock: FakeClock;
  /** Signatures so far. */
  readonly signed: Caller[];
  /** Exchanges so far. */
  readonly minted: Caller[];
  post(path: string, headers?: Record<string, string>): Promise<Response>;
  request(path: string, init?: RequestInit): Promise<Response>;
  readonly app: Hono<AppEnv>;
}

/** Every bearer that begins with `session-` is a caller of its own; all of them have one wallet. */
export function broker(change: Partial<BrokerOptions> & { mint?: Vending['mint'] } = {}): Broker {
  const { mint, ...options } = change;
  const clock = fakeClock();
  const auditLog = fakeAuditLog();
  const signed: Caller[] = [];
  const minted: Caller[] = [];
  const app = createBrokerApp({
    authenticator: {
      async authenticate(authorization) {
        if (!authorization?.startsWith('session-')) throw new InvalidAuthorizationToken('session revoked');
        const { id } = workload({ name: authorization });
        return {
          workload: { ...workload({ name: 'w', wallet: WALLET }), id },
          kind: 'session',
          tokenHash: `hash of ${authorization}`,
        };
      },
    },
    vending: {
      mint: async (caller: Caller, via: Parameters<Vending['mint']>[1]) => {
        minted.push(caller);
        return mint === undefined ? credentials() : mint(caller, via);
      },
    } as Vending,
    auditLog,
    clock,
    log: silent,
    mintAwsCreds: () => true,
    readiness: () => httpResponse(200, 'application/json', '{"status":"ready"}'),
    async sign(caller) {
      signed.push(caller);
      return { jwt: 'the.jwt.itself', expiresAt: 1_767_225_900, keyId: 'kid-1', ttlSeconds: 300 };
    },
    mayHaveRawJwt: () => true,
    holds: () => true,
    ...options,
  });
  const request = async (path: string, init?: RequestInit) => app.request(path, init, { authenticated() {} });
  return {
    auditLog,
    clock,
    signed,
    minted,
    request,
    app,
    post: (path, headers = { authorization: `Bearer ${BEARER}` }) => request(path, { method: 'POST', headers }),
  };
}

export const AWS = '/v1/mint-aws-creds';
export const JWT = '/v1/mint-oidc-jwt';
