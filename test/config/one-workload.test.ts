/**
 * A command for one workload needs what that workload needs, and no less: nobody's guard is lost on the way.
 *
 * @module
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { isNeeded, type OneWorkload } from '../../src/config/one-workload.ts';
import { ConfigError } from '../../src/lib/errors.ts';
import { type ConfigFolder, configFolder } from '../support/config-folder.ts';

const WALLET = '0x52908400098527886e0f7030069857d2e4169ee7';
const OTHER = '0xde709f2102306220921060314715629080e2fb77';
const TOKEN = '0123456789abcdefghijklmnopqrstuvwxyz';
const POLICY = (resource: string) =>
  JSON.stringify({ Statement: [{ Effect: 'Allow', Action: 's3:GetObject', Resource: resource }] });
const exchange: OneWorkload = { workload: 'a', for: 'exchange' };
const endpoint: OneWorkload = { workload: 'a', for: 'endpoint' };

const HEAD = [
  'region: us-east-1',
  'role_arn: arn:aws:iam::123456789012:role/data',
  'identity_token: { signer: { issuer: "https://oidc.example.com" } }',
];

const load = (folder: ConfigFolder, lines: readonly string[], only?: OneWorkload, env: NodeJS.ProcessEnv = {}) =>
  loadConfig(folder.write('walletcreds.yaml', lines.join('\n')), { env, ...(only && { only }) });
async function refusal(...args: Parameters<typeof load>): Promise<string> {
  const error = await load(...args).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ConfigError);
  return (error as Error).message;
}

/** Everything that only others need, and none of it within reach. */
const OTHERS = [
  `  b: { wallet: "${OTHER}", token_env: B_TOKEN, bearer_file: none/b }`,
  `  c: { wallet: "\${env:C_WALLET}", relative_uri: { id_file: "\${file:none/c}" } }`,
  `  d: { wallet: "${OTHER}", session_policy_file: none/d.json }`,
  'admin: { token_file: none/admin }',
  'broker: { tls: { cert_file: none/crt, key_file: none/key }, extra_hosts: ["${env:BROKER_NAME}"] }',
  'callers:',
  '  jwt:',
  '    - { issuer: "https://i.example", audience: x, listeners: [broker], jwks: { url: "https://i.example/k", ca_file: none/ca }, subjects: { s: a } }',
];

describe('what the asked workload doesn’t need', () => {
  test.each([
    ['an exchange', exchange],
    ['an endpoint elsewhere', endpoint],
  ])('may be out of reach for %s, while serve refuses each piece of it', async (_, only) => {
    const folder = configFolder();
    const lines = [...HEAD, 'workloads:', `  a: { wallet: "${WALLET}", token_file: tokens/a }`, ...OTHERS];
    const said = await refusal(folder, lines);
    for (const part of ['b.token_env', 'b.bearer_file', 'c.wallet', 'c.relative_uri.id_file', 'd.session_policy_file'])
      expect(said).toContain(` workloads.${part}: `);
    for (const part of [
      'broker.tls.cert_file',
      'broker.tls.key_file',
      'broker.extra_hosts',
      'callers.jwt.0.jwks.ca_file',
    ])
      expect(said).toContain(part);
    const config = await load(folder, lines, only);
    expect([...config.workloads.keys()]).toEqual(['a']);
    expect(config).toMatchObject({ callers: { jwt: [] } });
    expect(config.broker).toBeUndefined();
    expect(existsSync(join(folder.dir, 'none'))).toBe(false);
  });

  test('an exchange in person presents no token, so the workload’s own may be missing too, and none is made', async () => {
    const folder = configFolder();
    const lines = [...HEAD, 'workloads:', `  a: { wallet: "${WALLET}", token_env: A_TOKEN }`];
    expect((await load(folder, lines, exchange)).workloads.get('a')?.token).toBeUndefined();
    expect(await refusal(folder, lines, endpoint)).toContain('workloads.a.token_env: the variable A_TOKEN is not set');
    expect((await load(folder, lines, endpoint, { A_TOKEN: TOKEN })).workloads.get('a')?.token?.value).toBe(TOKEN);
    const byFile = [...HEAD, 'workloads:', `  a: { wallet: "${WALLET}", token_file: tokens/a }`];
    await load(folder, byFile, exchange);
    expect(existsSync(join(folder.dir, 'tokens'))).toBe(false);
  });

  test('a bearer of another workload that this user may not read', async () => {
    const folder = configFolder();
    folder.write('bearers/a', `${TOKEN}a`);
    folder.write('bearers/b', `${TOKEN}b`, 0o666);
    const lines = [
      ...HEAD.slice(0, 2),
      'identity_token: { broker: { url: "https://b.example", bearer_file: "bearers/{workload}" } }',
      'workloads:',
      `  a: { wallet: "${WALLET}", token_file: tokens/a }`,
      `  b: { wallet: "${OTHER}", token_file: tokens/b }`,
    ];
    expect(await refusal(folder, lines)).toContain('bearers/b: others can write it');
    expect([...(await load(folder, lines, exchange)).workloads.keys()]).toEqual(['a']);
    expect(await refusal(folder, lines, { workload: 'b', for: 'exchange' })).toContain('others can write it');
  });

  test('only an exchange writes to the audit log, so only it needs a folder for that', async () => {
    const folder = configFolder();
    folder.write('taken', 'a file');
    const lines = [...HEAD, 'state_dir: taken', 'workloads:', `  a: { wallet: "${WALLET}", token_env: A_TOKEN }`];
    expect(await refusal(folder, lines, exchange)).toContain('state_dir: ');
    await expect(load(folder, lines, endpoint, { A_TOKEN: TOKEN })).resolves.toBeDefined();
  });
});

describe('what guards the asked workload', () => {
  const one = (more: string) => [...HEAD, 'workloads:', `  a: { wallet: "${WALLET}", ${more} }`];

  test('its session policy is there, or there is no configuration', async () => {
    const folder = configFolder();
    const lines = one('session_policy_file: policy.json');
    for (const only of [exchange, endpoint]) expect(await refusal(folder, lines, only)).toContain('no such file');
    folder.write('policy.json', POLICY('arn:aws:s3:::b/*'));
    expect(await refusal(folder, lines, exchange)).toContain('the wallet is neither in every Resource');
    folder.write('policy.json', POLICY('arn:aws:s3:::b/${wallet}/*'));
    expect((await load(folder, lines, exchange)).workloads.get('a')?.workload.sessionPolicy).toContain(WALLET);
    expect(await refusal(folder, one('session_policy_file: "${env:NONE}"'), exchange)).toContain('NONE is not set');
  });

  test('one bearer for two wallets is refused for both', async () => {
    const folder = configFolder();
    folder.write('shared', TOKEN);
    const lines = [
      ...HEAD.slice(0, 2),
      'identity_token: { broker: { url: "https://b.example", bearer_file: shared } }',
      'workloads:',
      `  a: { wallet: "${WALLET}" }`,
      `  b: { wallet: "${OTHER}" }`,
    ];
    for (const workload of ['a', 'b'])
      expect(await refusal(folder, lines, { workload, for: 'exchange' })).toContain('one bearer for two wallets');
  });

  test('one token for two workloads is refused where it is the asked one’s', async () => {
    const folder = configFolder();
    folder.write('one', TOKEN);
    folder.write('two', TOKEN);
    const lines = [
      ...HEAD,
      'workloads:',
      `  b: { wallet: "${OTHER}", token_file: two }`,
      `  a: { wallet: "${WALLET}", token_file: one }`,
    ];
    expect(await refusal(folder, lines, endpoint)).toContain('the same value as workloads.b.token_file');
  });

  test('what the file itself says wrong is an error, wherever it stands', async () => {
    const folder = configFolder();
    const wrong = (line: string) => [...one('tags: { team: x }'), line];
    expect(await refusal(folder, wrong('  b: { wallet: "0x12" }'), exchange)).toContain('workloads.b.wallet');
    expect(await refusal(folder, wrong('  b: { walet: "0x12" }'), exchange)).toContain('did you mean "wallet"?');
    expect(await refusal(folder, wrong('admin: { listen: "0.0.0.0:9112" }'), exchange)).toContain('admin.listen');
    expect(await refusal(folder, wrong('  b: { wallet: "${nonsense}" }'), exchange)).toContain('workloads.b.wallet');
    expect(await refusal(folder, wrong('sts: { ca_file: none }'), exchange)).toContain('no such file');
  });

  test('nothing but presented tokens, other workloads and other listeners is ever unneeded', () => {
    const key = fc.constantFrom(
      ...['workloads', 'a', 'b', 'wallet', 'tags', 'session_policy_file', 'role_arn', 'identity_token', 'signer'],
      ...['sts', 'endpoint', 'tls', 'key_file', 'audit', 'token_file', 'broker', 'callers', 'admin', 'state_dir'],
    );
    fc.assert(
      fc.property(fc.array(key, { minLength: 1, maxLength: 4 }), fc.constantFrom(exchange, endpoint), (path, only) => {
        if (isNeeded(only, path)) return;
        const [section, second, third] = path;
        const isOthers = ['broker', 'admin', 'callers'].includes(section ?? '');
        const isOtherWorkload = section === 'workloads' && second !== 'a';
        const isPresented = section === 'workloads' && third === 'token_file' && only.for === 'exchange';
        expect(isOthers || isOtherWorkload || isPresented || (second === 'tls' && third === 'key_file')).toBe(true);
      }),
    );
  });
});
