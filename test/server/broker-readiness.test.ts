/**
 * A broker’s readiness, and the documents of its issuer.
 *
 * @module
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { decodeProtectedHeader } from 'jose';
import { describe, expect, it } from 'vitest';
import { generateKey, loadKeys } from '../../src/identity-token/keys/index.ts';
import { ADMIN, call, jwtCallers, SESSION, start, world } from './support.ts';

const AWS = '/v1/mint-aws-creds';
const JWT = '/v1/mint-oidc-jwt';

describe('readiness', () => {
  it('tells unauthenticated clients a status and nothing else, and each dependency by name with the admin token', async () => {
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
    const url = `${at.issuer}/readyz`;
    const response = await call(url, { method: 'GET' });
    expect([response.status, response.body]).toEqual([200, { status: 'ready' }]);
    expect((await call(url, { method: 'GET', bearer: SESSION })).body).toEqual({ status: 'ready' });
    const { body } = await call(url, { method: 'GET', bearer: ADMIN });
    expect(body['status']).toBe('ready');
    expect((body['checks'] as { name: string; status: string }[]).map(({ name, status }) => [name, status])).toEqual([
      ['audit log', 'ok'],
      ['keys', 'ok'],
      [`jwks ${at.callers.server.url}`, 'ok'],
      ['session_backend', 'ok'],
      ['sts', 'ok'],
    ]);
  });

  it('shows an outage with its reason, and what others share takes no broker out of service', async () => {
    const at = await world();
    await at.backend.close();
    await at.callers.server.close();
    await at.sts.close();
    await start(
      at,
      at.broker({
        callers: {
          jwt: jwtCallers(at, { wallet_claim: 'wallet', any_wallet: true }),
          session_backend: { url: at.backend.url, listeners: ['broker'], any_wallet: true },
        },
      }),
    );
    type Shown = { name: string; status: string; reason?: string };
    const failed = async () => {
      const { status, body } = await call(`${at.issuer}/readyz`, { method: 'GET', bearer: ADMIN });
      expect(status).toBe(200);
      return (body['checks'] as Shown[]).filter(check => check.status === 'failed');
    };
    await expect.poll(async () => (await failed()).length).toBe(3);
    for (const { reason } of await failed()) expect(reason).toContain('ECONNREFUSED');
  });
});

describe('the issuer’s documents', () => {
  it('are at the root and under the issuer’s own path, may be cached, and are enough for STS', async () => {
    const at = await world('/team/a');
    const broker = await start(at, at.broker());
    const root = `http://127.0.0.1:${at.brokerPort}`;
    for (const base of [root, at.issuer]) {
      const discovery = await call(`${base}/.well-known/openid-configuration`, { method: 'GET' });
      expect(discovery.headers.get('cache-control')).toBe('public, max-age=300');
      expect(discovery.body).toMatchObject({ issuer: at.issuer, jwks_uri: `${at.issuer}/.well-known/jwks.json` });
      const jwks = await call(`${base}/.well-known/jwks.json`, { method: 'GET' });
      expect(jwks.body['keys']).toHaveLength(1);
    }
    const posted = await call(`${root}/.well-known/jwks.json`);
    expect([posted.status, posted.headers.get('allow'), posted.body['error']]).toEqual([
      405,
      'GET',
      'method_not_allowed',
    ]);
    expect((await call(`${root}${AWS}`, { bearer: SESSION })).status).toBe(200);
    await broker.reload(at.broker({ identity_token: { signer: { issuer: root, keys_dir: 'keys' } } }));
    expect((await call(`${root}/.well-known/openid-configuration`, { method: 'GET' })).body['issuer']).toBe(root);
    expect((await call(`${at.issuer}/.well-known/jwks.json`, { method: 'GET' })).status).toBe(404);
  });

  it('two replicas that share the keys’ folder sign with the same key and publish in the same order', async () => {
    const at = await world();
    const now = Math.floor(Date.now() / 1_000);
    for (const notBefore of [now - 60, now - 30, now + 3_600]) {
      await generateKey(join(at.folder, 'keys'), { alg: 'ES256', purpose: 'oidc', notBefore });
    }
    await start(at, at.broker());
    const second = await start(
      at,
      at.broker({ broker: { listen: ['127.0.0.1:0'] }, audit: { database: 'file:second.sqlite' } }),
    );
    const seen = await Promise.all(
      [at.issuer, second.broker?.url].map(async url => {
        const jwks = await call(`${url}/.well-known/jwks.json`, { method: 'GET' });
        const { body } = await call(url + JWT, { bearer: SESSION });
        const kids = (jwks.body['keys'] as { kid: string }[]).map(({ kid }) => kid);
        return { kids, signer: decodeProtectedHeader(String(body['jwt'])).kid };
      }),
    );
    expect(seen[0]).toEqual(seen[1]);
    expect(seen[0]?.kids).toHaveLength(4);
    expect(seen[0]?.kids[0]).toBe(seen[0]?.signer);
    expect((await loadKeys(join(at.folder, 'keys'), 'oidc')).activeKey(Date.now()).kid).toBe(seen[0]?.signer);
    expect(readdirSync(join(at.folder, 'keys'))).toHaveLength(4);
  });
});
