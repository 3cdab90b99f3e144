import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createWellKnownApp } from '../../src/http/oidc/well-known.ts';
import { generateKey, type KeySet, loadKeys } from '../../src/identity-token/keys/index.ts';
import { CredentialsUninitialized } from '../../src/lib/errors.ts';
import { fakeClock } from '../support/fake-clock.ts';

let dir: string;
let keys: KeySet;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'well-known-'));
  await generateKey(join(dir, 'keys'), { alg: 'ES256', purpose: 'oidc' });
  keys = await loadKeys(join(dir, 'keys'), 'oidc');
});
afterAll(() => rmSync(dir, { recursive: true }));

const app = (issuer: string, from: () => KeySet = () => keys) =>
  createWellKnownApp({ issuer, keys: from, clock: fakeClock(), walletTag: 'wallet' });

describe('the issuer’s documents', () => {
  it('name the issuer byte for byte, and where its keys are', async () => {
    const response = await app('https://oidc.example.com').request('/.well-known/openid-configuration');
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(await response.json()).toMatchObject({
      issuer: 'https://oidc.example.com',
      jwks_uri: 'https://oidc.example.com/.well-known/jwks.json',
      id_token_signing_alg_values_supported: ['ES256'],
    });
  });

  it('hold public members of keys alone, and may be kept for five minutes', async () => {
    const response = await app('https://oidc.example.com').request('/.well-known/jwks.json');
    expect(response.headers.get('cache-control')).toBe('public, max-age=300');
    const jwks = (await response.json()) as { keys: Record<string, unknown>[] };
    expect(jwks.keys).toHaveLength(1);
    expect(jwks.keys[0]).toMatchObject({ kty: 'EC', use: 'sig', kid: keys.keys[0]?.kid });
    expect(jwks.keys[0]).not.toHaveProperty('d');
  });

  it.each(['https://h.example/tenants/a', 'https://h.example/:x', 'https://h.example/a%20b'])(
    'are served at the root and under the path of %s',
    async issuer => {
      const { pathname } = new URL(issuer);
      for (const prefix of ['', pathname]) {
        const response = await app(issuer).request(`${prefix}/.well-known/openid-configuration`);
        expect(await response.json()).toMatchObject({ issuer });
      }
      expect((await app(issuer).request('/other/.well-known/openid-configuration')).status).toBe(404);
    },
  );

  it('show a key that was added since', async () => {
    let now: KeySet = keys;
    const served = app('https://oidc.example.com', () => now);
    await generateKey(join(dir, 'more'), { alg: 'RS256', purpose: 'oidc' });
    now = await loadKeys(join(dir, 'more'), 'oidc');
    const { keys: shown } = (await (await served.request('/.well-known/jwks.json')).json()) as {
      keys: { alg: string }[];
    };
    expect(shown.map(({ alg }) => alg)).toEqual(['RS256']);
  });

  it('fail in the surrounding app’s own form while there are no keys', async () => {
    const served = app('https://oidc.example.com', () => {
      throw new CredentialsUninitialized('no key');
    });
    served.onError((error, c) => c.text(error.message, 503));
    expect((await served.request('/.well-known/jwks.json')).status).toBe(503);
  });
});
