import { createLocalJWKSet, decodeJwt, type JSONWebKeySet, jwtVerify } from 'jose';
import { describe, expect, it } from 'vitest';
import { issuerProblem } from '../../src/config/urls.ts';
import { discoveryDocument, issuerPath } from '../../src/identity-token/keys/discovery.ts';
import { generateKey, loadKeys } from '../../src/identity-token/keys/index.ts';
import { signIdentityToken } from '../../src/identity-token/signer.ts';
import { createIdentityTokenSource } from '../../src/identity-token/source.ts';
import { fakeClock } from '../support/fake-clock.ts';
import { SIGNER, TAG, WALLET, workload } from '../support/workload.ts';
import { keysFolder, NOW, TAGS, writeKey } from './support.ts';

describe('a signed identity token', () => {
  it.each(['ES256', 'RS256'] as const)('%s: verifies against the published JWKS, by kid', async alg => {
    const dir = keysFolder();
    await generateKey(dir, { alg: 'ES256', purpose: 'oidc', notBefore: NOW / 1000 + 60 });
    const { kid } = await generateKey(dir, { alg, purpose: 'oidc' });
    const source = createIdentityTokenSource({ clock: fakeClock() });
    const { jwt, keyId } = await source.get(workload({ identityToken: { ...SIGNER, keysDir: dir } }));
    const jwks = createLocalJWKSet((await loadKeys(dir, 'oidc')).publicJwks(NOW) as unknown as JSONWebKeySet);
    const { protectedHeader } = await jwtVerify(jwt, jwks, {
      issuer: 'https://oidc.example.com',
      audience: 'sts.amazonaws.com',
      currentDate: new Date(NOW),
      algorithms: [alg],
    });
    expect(protectedHeader).toEqual({ alg, kid, typ: 'JWT' });
    expect(keyId).toBe(kid);
  });

  it('has exactly the claims that STS and the old callers know', async () => {
    const dir = keysFolder();
    await generateKey(dir, { alg: 'ES256', purpose: 'oidc' });
    const key = (await loadKeys(dir, 'oidc')).activeKey(NOW);
    const { jwt, expiresAt } = await signIdentityToken({
      key,
      issuer: 'https://oidc.example.com/path/',
      audience: 'sts.amazonaws.com',
      ttlSeconds: 300,
      workload: { wallet: WALLET, walletTag: TAG, tags: { team: 'ingest' } },
      now: NOW + 999,
    });
    expect(decodeJwt(jwt)).toEqual({
      iss: 'https://oidc.example.com/path/',
      sub: `agentkeys:agent:${WALLET}`,
      aud: 'sts.amazonaws.com',
      iat: NOW / 1000,
      exp: NOW / 1000 + 300,
      jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
      [TAG]: WALLET,
      [TAGS]: { principal_tags: { [TAG]: [WALLET], team: ['ingest'] }, transitive_tag_keys: [TAG] },
    });
    expect(expiresAt).toBe(NOW / 1000 + 300);
  });

  it('of an issuer that ends in a slash names it byte for byte, in the token and in discovery', async () => {
    const dir = keysFolder();
    writeKey(dir, 'a.json');
    const issuer = 'https://tenant.example.com/';
    const source = createIdentityTokenSource({ clock: fakeClock() });
    const token = await source.get(workload({ identityToken: { ...SIGNER, issuer, keysDir: dir } }));
    expect(token.issuer).toBe(issuer);
    expect(issuerProblem(issuer, true)).toBeUndefined();
    expect(discoveryDocument(issuer, ['ES256'])).toMatchObject({
      issuer,
      jwks_uri: 'https://tenant.example.com/.well-known/jwks.json',
    });
    expect(issuerPath(issuer)).toBe('');
  });

  it('is a fresh one at every call, and dated by the clock', async () => {
    const dir = keysFolder();
    await generateKey(dir, { alg: 'ES256', purpose: 'oidc' });
    const clock = fakeClock();
    const source = createIdentityTokenSource({ clock });
    const w = workload({ identityToken: { ...SIGNER, keysDir: dir } });
    const [one, two] = [await source.get(w), await source.get(w)];
    expect(decodeJwt(one.jwt).jti).not.toBe(decodeJwt(two.jwt).jti);
    await clock.advance(7_000);
    expect((await source.get(w)).expiresAt).toBe(one.expiresAt + 7);
  });

  it.each([59, 3601, 300.5, Number.NaN])('refuses a lifetime of %d seconds', async ttlSeconds => {
    const dir = keysFolder();
    await generateKey(dir, { alg: 'ES256', purpose: 'oidc' });
    const source = createIdentityTokenSource({ clock: fakeClock() });
    const w = workload({ identityToken: { ...SIGNER, keysDir: dir, ttlSeconds } });
    await expect(source.get(w)).rejects.toThrow('60 to 3600 seconds');
  });

  it.each(['sub', 'exp', TAGS])('refuses a wallet tag that would overwrite %s', async walletTag => {
    const dir = keysFolder();
    await generateKey(dir, { alg: 'ES256', purpose: 'oidc' });
    const source = createIdentityTokenSource({ clock: fakeClock() });
    const w = workload({ walletTag, identityToken: { ...SIGNER, keysDir: dir } });
    await expect(source.get(w)).rejects.toThrow('registered claim');
  });

  it('is not to be had without a key, and is as soon as there is one', async () => {
    const dir = keysFolder();
    const source = createIdentityTokenSource({ clock: fakeClock() });
    const w = workload({ identityToken: { ...SIGNER, keysDir: dir } });
    await expect(source.get(w)).rejects.toMatchObject({ code: 'CredentialsUninitialized', transient: true });
    await expect(source.get(w)).rejects.toThrow('walletcreds keys generate');
    await generateKey(dir, { alg: 'ES256', purpose: 'oidc' });
    await expect(source.get(w)).resolves.toMatchObject({ tagged: true, subject: `agentkeys:agent:${WALLET}` });
  });

  it('of a dev key is refused where an oidc key is due, and the other way round', async () => {
    const dir = keysFolder();
    await generateKey(dir, { alg: 'ES256', purpose: 'dev' });
    const source = createIdentityTokenSource({ clock: fakeClock() });
    const at = (purpose: 'oidc' | 'dev') =>
      source.get(workload({ identityToken: { ...SIGNER, keysDir: dir, purpose } }));
    await expect(at('oidc')).rejects.toThrow('purpose is "dev"');
    await expect(at('dev')).resolves.toBeDefined();
  });
});

describe('the discovery document', () => {
  it('names the issuer byte for byte, and only what is really minted', () => {
    expect(discoveryDocument('https://oidc.example.com/a/', ['RS256', 'ES256', 'RS256'], 'w')).toEqual({
      issuer: 'https://oidc.example.com/a/',
      jwks_uri: 'https://oidc.example.com/a/.well-known/jwks.json',
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['ES256', 'RS256'],
      scopes_supported: ['openid'],
      claims_supported: ['iss', 'sub', 'aud', 'iat', 'exp', 'jti', 'w', TAGS],
    });
  });

  it.each([
    ['https://a.example', ''],
    ['https://a.example/', ''],
    ['https://a.example/x/y', '/x/y'],
    ['https://a.example/x/', '/x'],
  ])('of %s is served under "%s"', (issuer, path) => {
    expect(issuerPath(issuer)).toBe(path);
  });
});
