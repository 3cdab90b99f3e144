import { join } from 'node:path';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import Database from 'libsql';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { RunningSidecar } from '../../src/index.ts';
import { deferred, json, sign } from '../auth/support.ts';
import { BEARER, CONFIGURED, call, jwtCallers, SESSION, start, TAG, WALLET, type World, world } from './support.ts';

const AWS = '/v1/mint-aws-creds';
const JWT = '/v1/mint-oidc-jwt';

/** The rows of an audit log, oldest first; what is queued is written when its process has closed. */
function rows(at: World, name: string): Record<string, unknown>[] {
  const database = new Database(join(at.folder, name, 'audit.sqlite'));
  try {
    return database.prepare('SELECT * FROM mint_log ORDER BY id').all() as Record<string, unknown>[];
  } finally {
    database.close();
  }
}

/** Claims of the caller's issuer, good now. */
function callerClaims(at: World, change: Record<string, unknown> = {}): Record<string, unknown> {
  const now = Math.floor(Date.now() / 1_000);
  return {
    iss: at.callers.server.url,
    sub: 'user-1',
    iat: now,
    exp: now + 600,
    aud: 'broker',
    wallet: WALLET,
    ...change,
  };
}

const endpoint = (sidecar: RunningSidecar, token: string) =>
  call(`${sidecar.endpoint.url}/v1/credentials`, { method: 'GET', headers: { authorization: token } });

describe('a broker and a sidecar', () => {
  it('a sidecar gets its JWT at the broker and its credentials at STS, and both audit logs tell of it', async () => {
    const at = await world();
    const broker = await start(at, at.broker());
    const sidecar = await start(at, at.sidecar());
    await sidecar.ready({ signal: AbortSignal.timeout(10_000) });
    const { status, body } = await endpoint(sidecar, sidecar.tokens['scraper-a'] ?? '');
    expect(status).toBe(200);
    expect(at.sts.sessions.get(String(body['AccessKeyId']))?.principalTags).toEqual({ [TAG]: CONFIGURED });
    await sidecar.close();
    await broker.close();
    expect(rows(at, 'broker')).toMatchObject([
      { requested_role: 'oidc_jwt', via: 'mint-oidc-jwt', requester_wallet: CONFIGURED, caller_kind: 'bearer' },
    ]);
    expect(rows(at, 'sidecar')[0]).toMatchObject({
      via: 'endpoint',
      access_key_id: body['AccessKeyId'],
      outcome: 'ok',
    });
  });

  it('forwards the JWT that its caller showed where it holds no bearer of its own', async () => {
    const at = await world();
    const both = (listener: string) => ({
      jwt: jwtCallers(at, { audience: listener, listeners: [listener], wallet_claim: 'wallet', any_wallet: true }),
    });
    await start(at, at.broker({ workloads: {}, callers: both('broker') }));
    const sidecar = await start(
      at,
      at.sidecar({
        workloads: {},
        identity_token: { broker: { url: at.issuer, bearer: 'caller' } },
        callers: {
          jwt: jwtCallers(at, {
            audience: 'endpoint',
            listeners: ['endpoint'],
            wallet_claim: 'wallet',
            any_wallet: true,
          }),
        },
      }),
    );
    const { key } = at.callers;
    const wrong = await endpoint(sidecar, await sign(key, callerClaims(at, { aud: 'endpoint' })));
    // The broker wants an audience of its own: this one is good at the endpoint alone.
    expect([wrong.status, wrong.body['code']]).toEqual([403, 'BrokerRefused']);
    const broker = await start(
      { ...at },
      at.broker({
        broker: { listen: ['127.0.0.1:0'] },
        workloads: {},
        callers: {
          jwt: jwtCallers(at, { audience: 'endpoint', wallet_claim: 'wallet', any_wallet: true }),
        },
        audit: { database: 'file:second.sqlite' },
      }),
    );
    await sidecar.reload(
      at.sidecar({
        workloads: {},
        identity_token: { broker: { url: broker.broker?.url, bearer: 'caller' } },
        callers: {
          jwt: jwtCallers(at, {
            audience: 'endpoint',
            listeners: ['endpoint'],
            wallet_claim: 'wallet',
            any_wallet: true,
          }),
        },
      }),
    );
    const { status, body } = await endpoint(sidecar, await sign(key, callerClaims(at, { aud: 'endpoint' })));
    expect(status).toBe(200);
    expect(at.sts.sessions.get(String(body['AccessKeyId']))?.principalTags).toEqual({ [TAG]: WALLET });
  });
});

describe('mint-aws-creds', () => {
  it('always exchanges afresh, unsigned, for a session with the wallet’s tag, and the row joins it to STS', async () => {
    const at = await world();
    const broker = await start(at, at.broker());
    const replies = [];
    for (let i = 0; i < 3; i++) replies.push(await call(at.issuer + AWS, { bearer: SESSION }));
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 200]);
    const ids = replies.map(({ body }) => String(body['access_key_id']));
    expect(new Set(ids).size).toBe(3);
    expect(at.sts.calls.map(({ signed, action }) => [signed, action])).toEqual(
      Array(3).fill([false, 'AssumeRoleWithWebIdentity']),
    );
    for (const id of ids) {
      const session = at.sts.sessions.get(id);
      expect(session?.principalTags).toEqual({ [TAG]: WALLET });
      expect(session?.subject).toBe(`agentkeys:agent:${WALLET}`);
    }
    expect(replies[0]?.body).toMatchObject({ wallet: WALLET, expiration: expect.any(Number) });
    await broker.close();
    expect(rows(at, 'broker').map(row => [row['access_key_id'], row['requested_role'], row['outcome']])).toEqual(
      ids.map(id => [id, 'data-role-via-jwt', 'ok']),
    );
  });

  it('asks the session backend at each call, and a revoked session has nothing from then on', async () => {
    const at = await world();
    await start(at, at.broker());
    expect((await call(at.issuer + AWS, { bearer: SESSION })).status).toBe(200);
    at.sessions.delete(SESSION);
    const { status, body } = await call(at.issuer + AWS, { bearer: SESSION });
    expect([status, body['error'], body['message']]).toEqual([401, 'unauthorized', 'unknown session']);
    expect(at.backend.seen).toHaveLength(2);
    expect(at.sts.calls).toHaveLength(1);
  });

  it('says 502 sts_error for STS’s refusal, which is a row with its code; calls in its wake are rows too', async () => {
    const at = await world();
    const broker = await start(at, at.broker());
    at.sts.fail({ code: 'AccessDenied', status: 403 });
    for (let i = 0; i < 3; i++) {
      const { status, body } = await call(at.issuer + AWS, { bearer: SESSION });
      expect([status, body['error']]).toEqual([502, 'sts_error']);
    }
    expect(at.sts.calls).toHaveLength(1);
    await broker.close();
    const failures = rows(at, 'broker').filter(row => row['outcome'] === 'sts_error');
    expect(failures.reduce((sum, row) => sum + Number(row['count']), 0)).toBe(3);
    expect(failures[0]).toMatchObject({
      outcome_detail: expect.stringContaining('AccessDenied'),
      via: 'mint-aws-creds',
    });
  });

  it('withholds what its audit log can’t hold, and doesn’t ask STS again before the audit log is back', async () => {
    const at = await world();
    await start(at, at.broker());
    expect((await call(at.issuer + AWS, { bearer: SESSION })).status).toBe(200);
    const lock = new Database(join(at.folder, 'broker/audit.sqlite'));
    onTestFinished(() => void lock.close());
    lock.exec('PRAGMA busy_timeout = 5000');
    lock.exec('BEGIN EXCLUSIVE');
    const first = await call(at.issuer + AWS, { bearer: SESSION });
    expect([first.status, first.body['error']]).toEqual([500, 'audit_error']);
    const asked = at.sts.calls.length;
    for (const path of [AWS, JWT]) {
      const { status, body } = await call(at.issuer + path, { bearer: SESSION });
      expect([status, body['error']]).toEqual([500, 'audit_error']);
    }
    expect(at.sts.calls).toHaveLength(asked);
    const ready = await call(`${at.issuer}/readyz`, { method: 'GET' });
    expect([ready.status, ready.body]).toEqual([503, { status: 'not_ready' }]);
    lock.exec('ROLLBACK');
    await expect
      .poll(async () => (await call(at.issuer + AWS, { bearer: SESSION })).status, { timeout: 15_000, interval: 250 })
      .toBe(200);
  });
});

describe('a presented token is accepted at its own listener alone', () => {
  it('the endpoint’s token is nothing at the broker, and the bearer nothing at the endpoint', async () => {
    const at = await world();
    const both = {
      endpoint: { listen: ['127.0.0.1:0'] },
      workloads: {
        'scraper-a': {
          wallet: CONFIGURED,
          token_file: 'tokens/scraper-a',
          bearer_file: 'bearers/scraper-a',
          prefetch: false,
        },
      },
    };
    const broker = await start(at, at.broker(both));
    const token = broker.tokens['scraper-a'] ?? '';
    expect((await endpoint(broker, token)).status).toBe(200);
    expect((await endpoint(broker, BEARER)).status).toBe(401);
    for (const path of [AWS, JWT]) {
      expect((await call(at.issuer + path, { bearer: BEARER })).status).toBe(200);
      // Sixteen characters and more of hexadecimal digits: it is carried to the backend, which doesn't know it.
      expect((await call(at.issuer + path, { bearer: token })).status).toBe(401);
    }
  });

  it.each(['endpoint', 'broker'])('callers for the %s count there and nowhere else', async listener => {
    const at = await world();
    const callers = {
      jwt: jwtCallers(at, { listeners: [listener], wallet_claim: 'wallet', any_wallet: true }),
      session_backend: { url: at.backend.url, listeners: [listener], any_wallet: true },
    };
    const broker = await start(at, at.broker({ endpoint: { listen: ['127.0.0.1:0'] }, workloads: {}, callers }));
    const jwt = await sign(at.callers.key, callerClaims(at));
    for (const token of [jwt, SESSION]) {
      expect((await endpoint(broker, token)).status).toBe(listener === 'endpoint' ? 200 : 401);
      expect((await call(at.issuer + JWT, { bearer: token })).status).toBe(listener === 'broker' ? 200 : 401);
    }
  });

  it('a bad JWT reaches the session backend 0 times, and 1,000 requests with one bad bearer are one call', async () => {
    const at = await world();
    await start(
      at,
      at.broker({
        callers: {
          jwt: jwtCallers(at, { wallet_claim: 'wallet', any_wallet: true }),
          session_backend: { url: at.backend.url, listeners: ['broker'], any_wallet: true },
        },
      }),
    );
    const bad = await sign(at.callers.key, callerClaims(at, { aud: 'another' }));
    for (let i = 0; i < 20; i++) expect((await call(at.issuer + JWT, { bearer: bad })).status).toBe(401);
    expect(at.backend.seen).toEqual([]);
    const began = performance.now();
    for (let i = 0; i < 10; i++) {
      const replies = await Promise.all(
        Array.from({ length: 100 }, () => call(at.issuer + AWS, { bearer: 'revoked-session-0123456789' })),
      );
      expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([401]));
    }
    // A refusal is believed for 5 s; a machine that is slow enough asks once more for each that has passed.
    const rounds = 1 + Math.floor((performance.now() - began) / 5_000);
    expect(at.backend.seen.length).toBeGreaterThanOrEqual(1);
    expect(at.backend.seen.length).toBeLessThanOrEqual(rounds);
  });
});

describe('who may mint what', () => {
  it('the wallet of a configured workload isn’t to be had by a session: 403, and a row', async () => {
    const at = await world();
    const broker = await start(at, at.broker());
    at.sessions.set(SESSION, { wallet: CONFIGURED });
    for (const path of [AWS, JWT]) {
      const { status, body } = await call(at.issuer + path, { bearer: SESSION });
      expect([status, body['error']]).toEqual([403, 'forbidden']);
    }
    expect(at.sts.calls).toEqual([]);
    await broker.close();
    expect(rows(at, 'broker').map(row => row['outcome'])).toEqual(['auth_failed', 'auth_failed']);
  });

  it('a workload that a session policy or a role of its own confines has no raw JWT, unless it says so', async () => {
    const at = await world();
    const policy = JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: 's3:GetObject', Resource: 'arn:aws:s3:::b/${wallet}/*' }],
    });
    at.write('policy.json', policy);
    const other = 'arn:aws:iam::123456789012:role/other';
    const ways: [string, Record<string, unknown>, number][] = [
      ['policy', { session_policy_file: 'policy.json' }, 403],
      ['role', { role_arn: other }, 403],
      ['raw', { session_policy_file: 'policy.json', raw_jwt: true }, 200],
      ['plain', {}, 200],
    ];
    const workloads = Object.fromEntries(
      ways.map(([name, parts], i) => {
        at.write(`bearers/${name}`, `${name}-${'0123456789abcdef'.repeat(3)}`);
        const wallet = `0x${String(i + 1).repeat(40)}`;
        return [name, { wallet, bearer_file: `bearers/${name}`, prefetch: false, ...parts }];
      }),
    );
    await start(at, at.broker({ workloads }));
    for (const [name, , status] of ways) {
      const reply = await call(at.issuer + JWT, { bearer: `${name}-${'0123456789abcdef'.repeat(3)}` });
      expect([name, reply.status]).toEqual([name, status]);
    }
  });

  it('a mint-oidc-jwt JWT is for the caller’s wallet alone, signed by the first key of the JWKS', async () => {
    const at = await world();
    await start(at, at.broker());
    const { body } = await call(at.issuer + JWT, { bearer: SESSION });
    const jwt = String(body['jwt']);
    expect(decodeJwt(jwt)).toMatchObject({
      iss: at.issuer,
      sub: `agentkeys:agent:${WALLET}`,
      aud: 'sts.amazonaws.com',
      [TAG]: WALLET,
      exp: body['expiration'],
    });
    const jwks = await call(`${at.issuer}/.well-known/jwks.json`, { method: 'GET' });
    expect((jwks.body['keys'] as { kid: string }[])[0]?.kid).toBe(decodeProtectedHeader(jwt).kid);
  });
});

describe('a reload while somebody is being asked about', () => {
  it('lets nobody in whom the new configuration doesn’t know', async () => {
    const at = await world();
    const broker = await start(at, at.broker());
    const arrived = deferred<void>();
    const answer = deferred<void>();
    at.backend.handler = (_, outgoing) => {
      arrived.resolve();
      void answer.promise.then(() => json(outgoing, 200, { wallet: WALLET }));
    };
    const waiting = [AWS, JWT].map(path => call(at.issuer + path, { bearer: SESSION }));
    await arrived.promise;
    await broker.reload(at.broker({ callers: {} }));
    answer.resolve();
    for (const { status } of await Promise.all(waiting)) expect(status).toBe(401);
    expect(at.sts.calls).toEqual([]);
  });

  it('asks again where the new configuration still has the backend, and believes what it says now', async () => {
    const at = await world();
    const broker = await start(at, at.broker());
    const arrived = deferred<void>();
    const answer = deferred<void>();
    at.backend.handler = (_, outgoing) => {
      arrived.resolve();
      const first = at.backend.seen.length === 1;
      void answer.promise.then(() => json(outgoing, 200, { wallet: first ? WALLET : `0x${'9'.repeat(40)}` }));
    };
    const waiting = call(at.issuer + JWT, { bearer: SESSION });
    await arrived.promise;
    await broker.reload(at.broker({ session_duration: '30m' }));
    answer.resolve();
    expect((await waiting).body['wallet']).toBe(`0x${'9'.repeat(40)}`);
  });
});
