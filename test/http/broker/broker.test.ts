import { createHash } from 'node:crypto';
import { describe, expect, it, vi } from 'vitest';
import {
  AuditUnavailable,
  BrokerRefused,
  BrokerUnavailable,
  CredentialsUninitialized,
  InvalidAuthorizationToken,
  IssuerUnavailable,
  ResponseTooLarge,
  SessionBackendUnavailable,
  StsRefused,
  StsUnavailable,
  TagMismatch,
  WorkloadUnknown,
} from '../../../src/lib/errors.ts';
import { deferred } from '../../auth/support.ts';
import { workload } from '../../support/workload.ts';
import { AWS, BEARER, broker, JWT } from './support.ts';

const WALLET = '0x8617e340b3d01fa5f11f306f4090fd50e238070d';
const both = [AWS, JWT] as const;

describe('what callers of the old broker read', () => {
  it('mint-aws-creds: five members, the expiration in whole unix seconds', async () => {
    const response = await broker().post(AWS);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(response.headers.get('cache-control')).toBe('no-store');
    const body = (await response.json()) as Record<string, unknown>;
    expect(body).toEqual({
      access_key_id: 'ASIAEXAMPLEEXAMPLE00',
      secret_access_key: 'secret/of+forty+characters+of+base64+aaaa',
      session_token: expect.stringContaining('session-token-'),
      expiration: Date.UTC(2026, 0, 1, 1, 2, 3) / 1_000,
      wallet: WALLET,
    });
  });

  it('mint-oidc-jwt: the JWT, the wallet, the JWT’s expiration in unix seconds', async () => {
    const response = await broker().post(JWT);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ jwt: 'the.jwt.itself', wallet: WALLET, expiration: 1_767_225_900 });
  });

  it('the scheme may be in whatever case', async () => {
    expect((await broker().post(JWT, { authorization: `bearer ${BEARER}` })).status).toBe(200);
  });
});

describe('a request without a good bearer', () => {
  it.each([
    ['none', {}],
    ['an empty one', { authorization: '' }],
    ['no scheme', { authorization: BEARER }],
    ['another scheme', { authorization: `Basic ${BEARER}` }],
    ['two words', { authorization: `Bearer ${BEARER} x` }],
    ['a refused one', { authorization: 'Bearer revoked-0123456789' }],
  ])('%s is 401 unauthorized, and a row', async (_, headers) => {
    for (const path of both) {
      const { post, auditLog, signed, minted } = broker();
      const response = await post(path, headers as Record<string, string>);
      expect(response.status).toBe(401);
      const body = (await response.json()) as Record<string, unknown>;
      expect(Object.keys(body)).toEqual(['error', 'message']);
      expect(body['error']).toBe('unauthorized');
      expect(auditLog.failures).toHaveLength(1);
      expect(auditLog.failures[0]).toMatchObject({ outcome: 'auth_failed', via: path.slice(4), count: 1 });
      expect([signed, minted]).toEqual([[], []]);
    }
  });

  it('without any, the row has the old table’s words for it', async () => {
    const { post, auditLog } = broker();
    await post(AWS, {});
    await post(JWT, {});
    expect(auditLog.failures[0]).toMatchObject({
      requester_token_hash: '',
      requester_wallet: 'unknown',
      sts_session_name: '(unauthenticated)',
      requested_role: 'data-role-via-jwt',
      session_duration_seconds: 0,
      caller_kind: 'none',
    });
    expect(auditLog.failures[1]).toMatchObject({ requested_role: 'oidc_jwt' });
  });

  it('a refused bearer is in the row as its hash alone', async () => {
    const { post, auditLog } = broker();
    await post(AWS, { authorization: 'Bearer revoked-0123456789' });
    expect(auditLog.failures[0]?.requester_token_hash).toBe(
      createHash('sha256').update('revoked-0123456789').digest('hex'),
    );
    expect(JSON.stringify(auditLog.failures)).not.toContain('revoked-0123456789');
  });

  it('has the session backend’s words', async () => {
    const response = await broker().post(AWS, { authorization: 'Bearer revoked-0123456789' });
    expect(await response.json()).toEqual({ error: 'unauthorized', message: 'session revoked' });
  });
});

describe('every failure has its status, its kind and its row', () => {
  it.each([
    [new InvalidAuthorizationToken('x'), 401, 'unauthorized', 'auth_failed'],
    [new WorkloadUnknown('x'), 403, 'forbidden', 'auth_failed'],
    [new SessionBackendUnavailable('x'), 502, 'backend_unreachable', 'backend_error'],
    [new IssuerUnavailable('x'), 502, 'backend_unreachable', 'backend_error'],
    [new Error('secret details'), 500, 'internal', 'backend_error'],
  ])('at authentication: %s', async (error, status, kind, outcome) => {
    const authenticator = { authenticate: () => Promise.reject(error) };
    for (const path of both) {
      const { post, auditLog } = broker({ authenticator });
      const response = await post(path);
      expect(response.status).toBe(status);
      const body = await response.text();
      expect(JSON.parse(body)).toMatchObject({ error: kind });
      expect(body).not.toContain('secret details');
      expect(auditLog.failures).toMatchObject([{ outcome }]);
    }
  });

  it.each([
    [new StsRefused('AccessDenied', 'x'), 502, 'sts_error'],
    [new StsUnavailable('x'), 502, 'sts_error'],
    [new ResponseTooLarge('x'), 502, 'sts_error'],
    [new BrokerRefused('x'), 502, 'backend_unreachable'],
    [new BrokerUnavailable('x'), 502, 'backend_unreachable'],
    [new TagMismatch('sub', 'x'), 500, 'internal'],
    [new CredentialsUninitialized('x'), 500, 'internal'],
  ])('at the exchange: %s, whose row is vending’s and not written twice', async (error, status, kind) => {
    const { post, auditLog } = broker({ mint: () => Promise.reject(error) });
    const response = await post(AWS);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ error: kind });
    expect(auditLog.failures).toEqual([]);
  });

  it('a session that may not have a raw JWT: 403 forbidden, nothing signed, a row that says who', async () => {
    const { post, auditLog, signed } = broker({ mayHaveRawJwt: () => false });
    const response = await post(JWT);
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ error: 'forbidden', message: expect.stringContaining('raw_jwt') });
    expect(signed).toEqual([]);
    expect(auditLog.failures).toMatchObject([{ outcome: 'auth_failed', requester_wallet: WALLET, workload: 'w' }]);
  });

  it('no key that can sign: 500 internal, and a row', async () => {
    const { post, auditLog } = broker({ sign: () => Promise.reject(new CredentialsUninitialized('no key')) });
    expect((await post(JWT)).status).toBe(500);
    expect(auditLog.failures).toMatchObject([{ outcome: 'backend_error' }]);
    expect(auditLog.records).toEqual([]);
  });
});

describe('the row comes first', () => {
  it('a JWT leaves only once its row is on disk', async () => {
    const { post, auditLog } = broker();
    auditLog.paused = true;
    let answered = false;
    const response = post(JWT).then(given => {
      answered = true;
      return given;
    });
    while (auditLog.pending.length === 0) await new Promise(resolve => setImmediate(resolve));
    await new Promise(resolve => setImmediate(resolve));
    expect(answered).toBe(false);
    auditLog.pending[0]?.durable();
    expect((await response).status).toBe(200);
    expect(auditLog.records).toMatchObject([
      {
        outcome: 'ok',
        requested_role: 'oidc_jwt',
        sts_session_name: 'kid-1',
        session_duration_seconds: 300,
        requester_wallet: WALLET,
        requester_token_hash: `hash of ${BEARER}`,
        via: 'mint-oidc-jwt',
      },
    ]);
  });

  it('a row that can’t be written withholds the JWT: 500 audit_error', async () => {
    const { post, auditLog } = broker();
    auditLog.paused = true;
    const response = post(JWT);
    while (auditLog.pending.length === 0) await new Promise(resolve => setImmediate(resolve));
    auditLog.pending[0]?.lost();
    expect((await response).status).toBe(500);
    const body = await (await response).text();
    expect(JSON.parse(body)).toMatchObject({ error: 'audit_error' });
    expect(body).not.toContain('the.jwt.itself');
  });

  it('while the audit log is down nothing is signed: 500 audit_error', async () => {
    const { post, auditLog, signed } = broker();
    auditLog.available = false;
    auditLog.reason = 'disk full';
    const response = await post(JWT);
    expect(response.status).toBe(500);
    expect(await response.json()).toMatchObject({ error: 'audit_error' });
    expect(signed).toEqual([]);
  });

  it('credentials whose row failed are withheld: 500 audit_error, with the headers of the route', async () => {
    const { post, auditLog } = broker({ mint: () => Promise.reject(new AuditUnavailable('disk full')) });
    const response = await post(AWS);
    expect(response.status).toBe(500);
    expect(await response.json()).toMatchObject({ error: 'audit_error' });
    expect(response.headers.get('deprecation')).not.toBeNull();
    expect(auditLog.failures).toMatchObject([{ outcome: 'backend_error' }]);
  });

  it('a JWT is withheld where a reload has taken its caller away meanwhile', async () => {
    const { post, auditLog } = broker({ holds: () => false });
    const response = await post(JWT);
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain('the.jwt.itself');
    expect(auditLog.failures).toHaveLength(1);
  });
});

describe('mint-aws-creds on its way out', () => {
  it.each([200, 401, 403, 502])('says so beside every answer: %d', async status => {
    const change = {
      200: {},
      401: { authenticator: { authenticate: () => Promise.reject(new InvalidAuthorizationToken('x')) } },
      403: { authenticator: { authenticate: () => Promise.reject(new WorkloadUnknown('x')) } },
      502: { mint: () => Promise.reject(new StsUnavailable('x')) },
    }[status];
    const response = await broker(change).post(AWS);
    expect(response.status).toBe(status);
    expect(response.headers.get('deprecation')).toMatch(/^@\d{10}$/);
    expect(response.headers.get('link')).toContain('rel="deprecation"');
  });

  it('links to a page that the broker serves, under whatever prefix a proxy gives it', async () => {
    const { post, request } = broker();
    const link = /<([^>]+)>/.exec((await post(AWS)).headers.get('link') ?? '')?.[1] ?? '';
    expect(new URL(link, `https://example.com/broker${AWS}`).pathname).toBe('/broker/migration');
    const page = await request(new URL(link, `http://localhost${AWS}`).pathname);
    expect(page.status).toBe(200);
    expect(await page.text()).toContain('docs/migration.md');
  });

  it('mint-oidc-jwt is not deprecated', async () => {
    expect((await broker().post(JWT)).headers.get('deprecation')).toBeNull();
  });

  it('switched off it is 404 for everybody, and who called is a row still', async () => {
    const { post, auditLog, minted } = broker({ mintAwsCreds: () => false });
    for (const headers of [{ authorization: `Bearer ${BEARER}` }, { authorization: 'Bearer revoked-012345' }, {}]) {
      const response = await post(AWS, headers as Record<string, string>);
      expect(response.status).toBe(404);
      expect(await response.json()).toMatchObject({ error: 'not_found' });
      expect(response.headers.get('deprecation')).not.toBeNull();
    }
    expect(minted).toEqual([]);
    expect(auditLog.failures).toMatchObject([
      { requester_wallet: WALLET, outcome: 'auth_failed', via: 'mint-aws-creds', workload: 'w' },
      { requester_wallet: 'unknown' },
      { requester_wallet: 'unknown', requester_token_hash: '' },
    ]);
    expect((await post(JWT)).status).toBe(200);
  });

  it('is switched by the configuration of the moment', async () => {
    let on = true;
    const { post } = broker({ mintAwsCreds: () => on });
    expect((await post(AWS)).status).toBe(200);
    on = false;
    expect((await post(AWS)).status).toBe(404);
  });
});

describe('how much one caller may mint', () => {
  it('thirty at once, then 429 rate_limited with Retry-After and a row; five more a second', async () => {
    const { post, clock, auditLog, minted } = broker();
    for (let i = 0; i < 30; i++) expect((await post(AWS)).status).toBe(200);
    const response = await post(AWS);
    expect(response.status).toBe(429);
    expect(response.headers.get('retry-after')).toBe('1');
    expect(await response.json()).toMatchObject({ error: 'rate_limited' });
    expect(auditLog.failures).toMatchObject([{ outcome: 'rate_limited', requester_wallet: WALLET }]);
    await clock.advance(1_000);
    for (let i = 0; i < 5; i++) expect((await post(AWS)).status).toBe(200);
    expect((await post(AWS)).status).toBe(429);
    expect(minted).toHaveLength(35);
  });

  it('both routes count together, and each caller for itself', async () => {
    const { post } = broker();
    for (let i = 0; i < 30; i++) await post(i % 2 === 0 ? AWS : JWT);
    expect((await post(JWT)).status).toBe(429);
    expect((await post(JWT, { authorization: 'Bearer session-of-another-one' })).status).toBe(200);
  });

  it('refused bearers cost nobody’s rate', async () => {
    const { post } = broker();
    for (let i = 0; i < 100; i++)
      expect((await post(JWT, { authorization: 'Bearer wrong-0123456789' })).status).toBe(401);
    expect((await post(JWT)).status).toBe(200);
  });

  it('256 mints are in flight at most: the next is 429, until one of them ends', async () => {
    const release = deferred<void>();
    let signing = 0;
    const { post } = broker({
      async sign() {
        signing++;
        await release.promise;
        return { jwt: 'the.jwt.itself', expiresAt: 1_767_225_900, keyId: 'kid-1', ttlSeconds: 300 };
      },
    });
    const mint = (n: number) => post(JWT, { authorization: `Bearer session-of-caller-${n}` });
    const waiting = Array.from({ length: 256 }, (_, n) => mint(n));
    await expect.poll(() => signing).toBe(256);
    const over = await mint(256);
    expect([over.status, over.headers.get('retry-after')]).toEqual([429, '1']);
    release.resolve();
    for (const response of await Promise.all(waiting)) expect(response.status).toBe(200);
    expect((await mint(257)).status).toBe(200);
  });

  it('callers that are still asked about keep nobody out', async () => {
    const asked = vi.fn();
    const { post } = broker({
      authenticator: {
        async authenticate(authorization) {
          asked();
          if (authorization !== BEARER) return new Promise(() => {});
          return { workload: workload({ name: 'w' }), kind: 'bearer' as const, tokenHash: 'h' };
        },
      },
    });
    for (let n = 0; n < 300; n++) void post(JWT, { authorization: `Bearer session-${n}-0123456789` });
    await expect.poll(() => asked.mock.calls.length).toBe(300);
    expect((await post(JWT)).status).toBe(200);
  });
});

describe('paths and methods', () => {
  it.each([
    ['GET', AWS, 'POST'],
    ['GET', JWT, 'POST'],
    ['PUT', JWT, 'POST'],
    ['POST', '/healthz', 'GET'],
    ['POST', '/readyz', 'GET'],
  ])('%s %s is 405 method_not_allowed with Allow: %s', async (method, path, allow) => {
    const response = await broker().request(path, { method });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe(allow);
    expect(await response.json()).toEqual({ error: 'method_not_allowed', message: `use ${allow}` });
  });

  it.each(['/', '/v1', `${AWS}/`, `/v1/../v1/mint-oidc-jwt/x`, '/v1/mint', '/metrics'])(
    '%s is 404 not_found',
    async path => {
      for (const method of ['GET', 'POST']) {
        const response = await broker().request(path, { method });
        expect(response.status).toBe(404);
        expect(await response.json()).toMatchObject({ error: 'not_found' });
      }
    },
  );

  it('healthz is the text ok', async () => {
    const response = await broker().request('/healthz');
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/plain');
    expect(await response.text()).toBe('ok');
  });
});
