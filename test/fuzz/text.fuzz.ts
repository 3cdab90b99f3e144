import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportJWK } from 'jose';
import { expect, onTestFinished, test } from 'vitest';
import { parseKeySet } from '../../src/auth/jwks-fetch.ts';
import { createJwtAuthenticator } from '../../src/auth/jwt.ts';
import { survey } from '../../src/aws/iam/evaluate.ts';
import { parsePolicy } from '../../src/aws/iam/parse.ts';
import type { PolicyKind } from '../../src/aws/iam/policy.ts';
import { loadConfig } from '../../src/config/load.ts';
import { sessionPolicyFor } from '../../src/config/secrets/session-policy.ts';
import { createExchange } from '../../src/credentials/sts/create-exchange.ts';
import { checkIdentityToken } from '../../src/identity-token/check.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { ConfigError, TagMismatch, WalletcredsError } from '../../src/lib/errors.ts';
import { sessionNameOf } from '../../src/workload/workload.ts';
import { everyWallet, jwtConfig, lookupOf, makeKey, sign, startServer } from '../auth/support.ts';
import { xmlOf } from '../chaos/sts-xml.ts';
import { identityToken, silent, stsConfig } from '../credentials/sts/support.ts';
import { claims, jwtOf, NOW, TAGS } from '../identity-token/support.ts';
import { fakeClock } from '../support/fake-clock.ts';
import { TAG, WALLET, workload } from '../support/workload.ts';
import { fuzz, garbled, quick } from './fuzz.ts';

test('an identity token is refused by name, or is the wallet’s', async () => {
  const good = claims({ [TAGS]: { principal_tags: { [TAG]: [WALLET] }, transitive_tag_keys: [TAG] } });
  await fuzz('identity token', chance => {
    // Either the parts are garbled, or the token that is made of them.
    const [head = '', payload = '', signature = ''] = jwtOf(good).split('.');
    const inner = [head, payload].map(part => Buffer.from(part, 'base64url').toString());
    const parts = inner.map(part => (chance.below(2) === 0 ? garbled(part, chance) : part));
    const made = [...parts.map(part => Buffer.from(part).toString('base64url')), signature].join('.');
    const jwt = chance.below(3) === 0 ? garbled(made, chance) : made;
    try {
      const token = quick(() => checkIdentityToken(jwt, workload(), { audience: 'sts.amazonaws.com', now: NOW }));
      const [, taken = ''] = token.jwt.split('.');
      const read = JSON.parse(Buffer.from(taken, 'base64url').toString());
      expect([read[TAGS].principal_tags[TAG]].flat()).toEqual([WALLET]);
      expect(Object.keys(read[TAGS].principal_tags)).toEqual([TAG]);
    } catch (error) {
      expect(error).toBeInstanceOf(TagMismatch);
    }
  });
});

test('a caller’s JWT with any change is refused', async () => {
  const key = makeKey('k1');
  const keys = { problem: undefined, get: async () => lookupOf(key) };
  const clock = fakeClock();
  const workloads = everyWallet();
  const { authenticate } = createJwtAuthenticator({ issuers: [{ config: jwtConfig(), keys }], workloads, clock });
  const good = await sign(key);
  await authenticate(good);
  await fuzz("caller's JWT", async chance => {
    const jwt = garbled(good, chance);
    if (jwt === good) return;
    await expect(authenticate(jwt)).rejects.toBeInstanceOf(WalletcredsError);
  });
});

test('a JWKS holds public keys or is refused', async () => {
  const jwk = await exportJWK(makeKey('k1').privateKey);
  const { d: _private, ...open } = jwk;
  const good = JSON.stringify({ keys: [open, { ...open, kid: 'k2' }, jwk, { kty: 'oct', k: 'AA' }] });
  await fuzz('JWKS', chance => {
    try {
      const { keys } = quick(() => parseKeySet(garbled(good, chance), 'the issuer'));
      expect(keys.filter(key => key.kty === 'oct' || 'd' in key)).toEqual([]);
      expect(keys.length).toBeGreaterThan(0);
    } catch (error) {
      expect((error as Error).message).toMatch(/^the issuer (is no |holds no )/);
    }
  });
});

test('a configuration is whole or refused, with places', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'walletcreds-fuzz-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const good = [
    'region: us-east-1',
    'role_arn: arn:aws:iam::123456789012:role/data',
    'session_duration: 1h',
    'endpoint: { listen: ["127.0.0.1:0", "[::1]:9110"], allow_from: [10.42.0.0/16], extra_hosts: [creds.internal] }',
    'admin: { listen: "127.0.0.1:0" }',
    'identity_token: { file: { path: /var/run/token } }',
    'tags: &tags { team: ingest }',
    'workloads:',
    '  a: { wallet: "0x52908400098527886e0f7030069857d2e4169ee7", token_env: "${env:TOKEN:-X}", tags: *tags }',
    'callers:',
    '  jwt: [{ issuer: "https://a.example", audience: w, listeners: [endpoint], subjects: { "a:b": a } }]',
    '',
  ].join('\n');
  const file = join(folder, 'walletcreds.yaml');
  await fuzz('YAML', async chance => {
    writeFileSync(file, garbled(good, chance), { mode: 0o600 });
    try {
      const config = await loadConfig(file, { env: {}, purpose: 'inspect' });
      expect(config.workloads.size).toBeGreaterThan(0);
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError);
    }
  });
});

test('STS’s answer is a session of the workload, or none', async () => {
  const asked = workload();
  const token = identityToken();
  const sent = { wallet: WALLET, subject: token.subject, role: asked.role.arn, session: sessionNameOf(asked) };
  const issued = { ...sent, accessKeyId: 'ASIAFUZZ', secretAccessKey: 'secret', expiration: Date.now() + 3_000_000 };
  const good = xmlOf(issued);
  let text = good;
  let status = 200;
  const server = await startServer((_, outgoing) => void outgoing.writeHead(status).end(text));
  const exchange = createExchange({ sts: stsConfig(server.url), region: 'us-east-1', clock: systemClock, log: silent });
  onTestFinished(() => exchange.close());
  expect((await exchange.exchange(asked, token)).accessKeyId).toBe('ASIAFUZZ');
  await fuzz('STS', async chance => {
    text = garbled(good, chance);
    status = chance.pick([200, 200, 200, 400, 403, 500]);
    try {
      const got = await exchange.exchange(asked, token);
      expect([status, got.roleArn]).toEqual([200, asked.role.arn]);
      expect(text).toContain(`/${sessionNameOf(asked)}<`);
      expect(got.expiration).toBeGreaterThan(Date.now());
    } catch (error) {
      expect(error).toBeInstanceOf(WalletcredsError);
    }
  });
});

test('a policy is read with findings, and a session policy that is taken names the wallet in each Allow', async () => {
  const statement = {
    Sid: 'One',
    Effect: 'Allow',
    Action: ['s3:GetObject', 's3:List*'],
    Resource: 'arn:aws:s3:::b/${wallet}/*',
    Condition: { StringLike: { 's3:prefix': ['${wallet}/*', '${aws:PrincipalTag/a}'] } },
  };
  const good = JSON.stringify({ Version: '2012-10-17', Statement: [statement, { ...statement, Sid: 'Two' }] });
  const request = {
    action: 's3:GetObject',
    resource: `arn:aws:s3:::b/${'a/*?'.repeat(50)}`,
    context: new Map([['s3:prefix', ['a'.repeat(200)]]]),
  };
  await fuzz('policy', chance => {
    const text = garbled(good, chance);
    const kind = chance.pick<PolicyKind>(['trust', 'identity', 'resource', 'session']);
    const { statements } = quick(() => parsePolicy(text, kind, 'policy.json'));
    quick(() => survey(statements, request));
    const session = quick(() => sessionPolicyFor(text, WALLET));
    if (!('policy' in session)) return;
    const list = [JSON.parse(session.policy).Statement].flat();
    const open = list.filter(each => each.Effect === 'Allow' && !JSON.stringify(each).includes(WALLET));
    expect(open).toEqual([]);
  });
});
