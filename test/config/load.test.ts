/**
 * Loading a configuration: its template, its defaults, its listeners.
 *
 * @module
 */
import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { configFromObject, loadConfig, type ObjectOptions } from '../../src/config/load.ts';
import { TEMPLATE } from '../../src/config/template.ts';
import { selfSignedCertificate } from '../../src/identity-token/keys/certificate.ts';
import { type ConfigFolder, configFolder } from '../support/config-folder.ts';
import { BASE, load, OTHER, refusal, WALLET } from './support.ts';

const TOKEN = '0123456789abcdefghijklmnopqrstuvwxyz';
const POLICY = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: 's3:GetObject', Resource: 'arn:aws:s3:::b/${wallet}/*' }],
});

/** A certificate and key for the tests that name one. */
function certificate({ dir }: ConfigFolder): void {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  writeFileSync(join(dir, 'tls.key'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
  writeFileSync(join(dir, 'tls.crt'), selfSignedCertificate(privateKey, 'x', Date.now()));
  chmodSync(join(dir, 'tls.key'), 0o600);
  writeFileSync(join(dir, 'ca.pem'), readFileSync(join(dir, 'tls.crt')));
}

describe('the example', () => {
  it('loads unchanged', async () => {
    const { dir, write } = configFolder();
    const config = await loadConfig(write('walletcreds.yaml', TEMPLATE), { env: {} });
    expect(config.warnings).toEqual([]);
    expect(config.endpoint.listen).toEqual([{ host: '127.0.0.1', port: 9110 }]);
    expect(config.admin.listen).toEqual([{ host: '127.0.0.1', port: 9112 }]);
    expect(config.broker).toBeUndefined();
    expect(config.audit).toEqual({ kind: 'sqlite', path: join(dir, 'audit.sqlite') });
    expect(config.sts).toMatchObject({ endpoint: 'https://sts.us-east-1.amazonaws.com', endpointSource: 'region' });
    expect(config.workloads.get('scraper-a')).toMatchObject({
      workload: { name: 'scraper-a', wallet: WALLET.toLowerCase(), sessionDuration: 3600, origin: 'configured' },
      token: { file: join(dir, 'tokens/scraper-a') },
      prefetch: true,
      rawJwt: false,
    });
    expect([...config.sources.keys()]).toEqual([join(dir, 'walletcreds.yaml'), join(dir, 'tokens/scraper-a')]);
  });

  // Each commented option alone; a few need another one beside them, or stand in the place of one.
  const commented = [...TEMPLATE.matchAll(/^( *)# ?( *)([a-z_]+): \S.*$/gm)].filter(([, indent]) => indent !== '');
  const outermost = ['callers', 'sts', 'broker', 'admin', 'audit'];
  it.each([...new Set(commented.map(([line]) => line))])('loads with its option uncommented: %s', async line => {
    const folder = configFolder();
    certificate(folder);
    for (const name of ['bearers/scraper-a']) folder.write(name, TOKEN);
    folder.write('policy.json', POLICY);
    let text = TEMPLATE.replace(line, () => line.replace('# ', ''));
    if (/# (broker|file): \{ (url|path)/.test(line)) text = text.replace(/^ {2}signer: .*\n/m, '');
    if (line.includes('bearer: caller')) {
      text = text
        .replace(/^ {4}token_file: .*\n/m, '')
        .replace(/^# callers:[\s\S]*?(?=# {3}session_backend)/m, callers =>
          callers
            .replace(/^# ?/gm, '')
            .replace('bearer_file: /var/run/secrets/kubernetes.io/serviceaccount/token', 'url: https://k'),
        );
    }
    const config = await loadConfig(folder.write('walletcreds.yaml', text), { env: {} });
    expect(config.workloads.has('scraper-a')).toBe(true);
  });

  it.each(outermost)('loads with its section uncommented: %s', async name => {
    const folder = configFolder();
    certificate(folder);
    const lines = TEMPLATE.split('\n');
    const start = lines.findIndex(line => line.startsWith(`# ${name}:`));
    let end = start + 1;
    while (lines[end]?.startsWith('#  ')) end++;
    const text = lines.map((line, i) => (i >= start && i < end ? line.replace(/^# ?/, '') : line)).join('\n');
    expect(text).not.toBe(TEMPLATE);
    const config = await loadConfig(folder.write('walletcreds.yaml', text), { env: {} });
    expect(config.region).toBe('us-east-1');
    if (name === 'callers') {
      expect(config.callers.jwt[0]?.subjects).toEqual({ 'system:serviceaccount:scrapers:scraper-a': 'scraper-a' });
      expect(config.callers.sessionBackend).toMatchObject({
        wallets: 'any',
        cacheTtlMs: 30_000,
        listeners: ['broker'],
      });
    }
    if (name === 'broker') expect(config.broker).toMatchObject({ mintAwsCreds: true, listen: [{ port: 8091 }] });
    if (name === 'admin') expect(config.admin.token?.value).toMatch(/^[0-9a-f]{64}$/);
  });
});

it('each listener has a limit of connections of its own: 1,024 where its section says nothing', async () => {
  const folder = configFolder();
  const plain = await load(folder, { broker: {} });
  expect([plain.endpoint, plain.broker, plain.admin].map(each => each?.maxConnections)).toEqual([1_024, 1_024, 1_024]);
  const { endpoint, broker, admin } = await load(folder, {
    endpoint: { max_connections: 16 },
    broker: { max_connections: 17 },
    admin: { max_connections: 18 },
  });
  expect([endpoint, broker, admin].map(each => each?.maxConnections)).toEqual([16, 17, 18]);
});

describe('a configuration', () => {
  it('can not be changed once it is there', async () => {
    const config = await load(configFolder(), { workloads: { a: { wallet: WALLET, tags: { team: 'x' } } } });
    expect(() => Object.assign(config, { region: 'x' })).toThrow();
    expect(() => Object.assign(config.endpoint.listen, { length: 0 })).toThrow();
    expect(() => Object.assign(config.workloads.get('a')?.workload.identityToken ?? {}, { kind: 'file' })).toThrow();
  });

  it('takes a wallet without quotes, which YAML would read as a number, to the last digit', async () => {
    const { write } = configFolder();
    const text = TEMPLATE.replace(`"${WALLET}"`, WALLET.toLowerCase());
    const config = await loadConfig(write('walletcreds.yaml', text), { env: {} });
    expect(config.workloads.get('scraper-a')?.workload.wallet).toBe(WALLET.toLowerCase());
  });

  it('reads typed values out of variables and files, in keys too', async () => {
    const { dir, write } = configFolder();
    write('region', 'eu-central-1\n');
    const text = `${TEMPLATE.replace('region: us-east-1', 'region: ${file:region}').replace('scraper-a:', '${env:NAME}:')}
admin: { listen: "127.0.0.1:\${env:PORT:-0}", allow_remote: "\${env:REMOTE}" }
`;
    const config = await loadConfig(write('c.yaml', text), { env: { NAME: 'w', REMOTE: 'true' } });
    expect(config.region).toBe('eu-central-1');
    expect([...config.workloads.keys()]).toEqual(['w']);
    expect(config.admin).toMatchObject({ listen: [{ port: 0 }], allowRemote: true });
    expect([...config.sources.keys()]).toContain(join(dir, 'region'));
  });

  it('asks the STS that it names, else the variable, else the region, and says which', async () => {
    const folder = configFolder();
    const env = { AWS_ENDPOINT_URL_STS: 'http://127.0.0.1:1', AWS_ENDPOINT_URL: 'http://127.0.0.1:2' };
    const sts = { endpoint: 'https://sts.example' };
    expect((await load(folder, { sts }, env)).sts).toMatchObject({ ...sts, endpointSource: 'sts.endpoint' });
    expect((await load(folder, {}, env)).sts).toMatchObject({
      endpoint: 'http://127.0.0.1:1',
      endpointSource: 'AWS_ENDPOINT_URL_STS',
    });
    const plain = { AWS_ENDPOINT_URL: 'http://127.0.0.1:2', AWS_ENDPOINT_URL_STS: '' };
    expect((await load(folder, { region: 'cn-north-1' }, plain)).sts.endpoint).toBe(
      'https://sts.cn-north-1.amazonaws.com.cn',
    );
    expect(await refusal(folder, {}, { AWS_ENDPOINT_URL_STS: 'http://sts.example' })).toContain(
      'sts.endpoint: plain http',
    );
    expect(await refusal(folder, {}, { AWS_ENDPOINT_URL_STS: 'x' })).toContain(
      'the variable AWS_ENDPOINT_URL_STS: not a URL',
    );
    // What is written and wrong is the finding; the variable isn't even looked at.
    expect(await refusal(folder, { sts: { endpoint: 'y' } }, { AWS_ENDPOINT_URL_STS: 'x' })).toBe(
      'configuration sts.endpoint: not a URL; it reads https://host/path',
    );
  });

  it('takes an http issuer with an STS of its own', async () => {
    const config = await load(configFolder(), {
      sts: { endpoint: 'http://127.0.0.1:8000' },
      identity_token: { signer: { issuer: 'http://127.0.0.1:9111' } },
      role_arn: 'arn:aws:iam:::role/data',
    });
    expect(config.defaults.identityToken).toMatchObject({ issuer: 'http://127.0.0.1:9111' });
  });

  it('warns of sessions under half an hour', async () => {
    const config = await load(configFolder(), {
      session_duration: '15m',
      workloads: { a: { wallet: WALLET, session_duration: '29m' } },
    });
    expect(config.warnings.map(text => text.split(':')[0])).toEqual([
      'session_duration',
      'workloads.a.session_duration',
      'workloads.a',
    ]);
    expect(config.workloads.get('a')?.workload.sessionDuration).toBe(1740);
  });

  it('prefetches up to 64 workloads that somebody can ask for, and what says so', async () => {
    const folder = configFolder();
    const many = (n: number) =>
      Object.fromEntries(Array.from({ length: n }, (_, i) => [`w${i}`, { wallet: WALLET, token_file: `t/${i}` }]));
    const flags = async (n: number) =>
      new Set([...(await load(folder, { workloads: many(n) })).workloads.values()].map(w => w.prefetch));
    expect(await flags(64)).toEqual(new Set([true]));
    expect(await flags(65)).toEqual(new Set([false]));
    const config = await load(folder, { workloads: { a: { wallet: WALLET }, b: { wallet: WALLET, prefetch: true } } });
    expect([...config.workloads.values()].map(w => w.prefetch)).toEqual([false, true]);
  });

  it('puts the wallet into its session policy, and refuses one that leaves the wallet out', async () => {
    const folder = configFolder();
    folder.write('p.json', POLICY);
    const workloads = { a: { wallet: WALLET, session_policy_file: 'p.json' } };
    const policy = (await load(folder, { workloads })).workloads.get('a')?.workload.sessionPolicy ?? '';
    expect(JSON.parse(policy).Statement[0].Resource).toBe(`arn:aws:s3:::b/${WALLET.toLowerCase()}/*`);
    folder.write('p.json', POLICY.replace('${wallet}', ''));
    expect(await refusal(folder, { workloads })).toContain(
      'workloads.a.session_policy_file: the session policy p.json: statement 1: the wallet is neither',
    );
    folder.write('p.json', '{');
    expect(await refusal(folder, { workloads })).toContain('the session policy p.json: it is not JSON');
  });

  it('looks at certificates and keys before anything listens', async () => {
    const folder = configFolder();
    certificate(folder);
    const tls = { listen: '0.0.0.0:9443', cert_file: 'tls.crt', key_file: 'tls.key' };
    const config = await load(folder, {
      endpoint: { tls },
      broker: { listen: '0.0.0.0:8443', tls: { ...tls, listen: undefined } },
    });
    expect(config.endpoint.tls?.listen).toEqual([{ host: '0.0.0.0', port: 9443 }]);
    expect(config.broker).toMatchObject({ listen: [], tls: { listen: [{ host: '0.0.0.0', port: 8443 }] } });
    expect([...config.sources.keys()]).toEqual([join(folder.dir, 'tls.crt'), join(folder.dir, 'tls.key')]);
    writeFileSync(join(folder.dir, 'tls.crt'), 'x');
    expect(await refusal(folder, { endpoint: { tls } })).toBe(
      'configuration endpoint.tls.cert_file: tls.crt: no PEM certificate in it',
    );
    certificate({ ...folder, dir: folder.dir });
    const key = readFileSync(join(folder.dir, 'tls.key'));
    certificate(folder);
    writeFileSync(join(folder.dir, 'tls.key'), key);
    expect(await refusal(folder, { endpoint: { tls } })).toContain('is not the one of the certificate');
    expect(await refusal(folder, { endpoint: { tls: { ...tls, key_file: 'no' } } })).toContain(
      'the private key no: no such file',
    );
  });

  it('replaces {workload} in the path of a bearer, one for each wallet', async () => {
    const folder = configFolder();
    folder.write('bearers/a', `${TOKEN}a`);
    const object = {
      identity_token: { broker: { url: 'https://b', bearer_file: 'bearers/{workload}' } },
      workloads: { a: { wallet: WALLET }, b: { wallet: OTHER } },
    };
    const config = await load(folder, object);
    expect(config.workloads.get('b')?.workload.identityToken).toMatchObject({
      bearer: { file: join(folder.dir, 'bearers/b') },
    });
    expect(config.warnings.join()).toContain('bearers/b: no such file (yet); it is read again at each use');
    folder.write('bearers/b', `${TOKEN}a\n`);
    expect(await refusal(folder, object)).toContain('one bearer for two wallets, those of workloads.a and workloads.b');
  });

  it('refuses an identity_token bearer that an app shows at the endpoint, by whatever name', async () => {
    const folder = configFolder();
    folder.write('bearer', `${TOKEN}b\n`);
    folder.write('token', `${TOKEN}b`);
    const broker = { broker: { url: 'https://b', bearer_file: 'bearer' } };
    const own = { wallet: WALLET, token_file: 'token' };
    for (const object of [
      { identity_token: broker, workloads: { a: own } },
      { workloads: { a: { ...own, identity_token: broker } } },
      { identity_token: broker, workloads: { a: { wallet: WALLET, relative_uri: { id_file: 'token' } } } },
    ]) {
      expect(await refusal(folder, object)).toMatch(/broker\.bearer_file: the same value as workloads\.a\.\w+/);
    }
    folder.write('token', `${TOKEN}a`);
    await load(folder, { identity_token: broker, workloads: { a: own } });
  });

  it('takes a data base of its own, or none that can be written is said', async () => {
    const folder = configFolder();
    expect((await load(folder, { audit: { database: 'postgres://u@h/d' } })).audit).toEqual({
      kind: 'postgres',
      url: 'postgres://u@h/d',
    });
    expect((await load(folder, { audit: { database: 'stdout' } })).audit).toEqual({ kind: 'stdout' });
    expect((await load(folder, { audit: { database: 'file:/tmp/x.sqlite' } })).audit).toEqual({
      kind: 'sqlite',
      path: '/tmp/x.sqlite',
    });
    folder.write('file', '');
    expect(await refusal(folder, { state_dir: 'file' })).toMatch(/state_dir: .*file can't be written/);
  });

  it('for dev signs with a key of its own purpose and opens admin on loopback', async () => {
    const { dir } = configFolder();
    const dev = await configFromObject(BASE, { env: {}, baseDir: dir, dev: true });
    expect(dev.defaults.identityToken).toMatchObject({ purpose: 'dev' });
    expect(dev.admin.open).toBe(true);
    const serve = await configFromObject(BASE, { env: {}, baseDir: dir });
    expect(serve.defaults.identityToken).toMatchObject({ purpose: 'oidc' });
    expect(serve.admin.open).toBe(false);
  });

  it('with `dev: true` is for commands, never for a server', async () => {
    const { dir } = configFolder();
    const dev = { ...BASE, workloads: { a: { wallet: `0x${'1'.repeat(40)}` } }, dev: true };
    const load = (more: ObjectOptions) => configFromObject(dev, { env: {}, baseDir: dir, ...more });
    await expect(load({})).rejects.toThrow(/dev: only `walletcreds dev` runs this configuration/);
    const { defaults } = await load({ purpose: 'inspect' });
    expect(defaults.identityToken).toMatchObject({ purpose: 'dev' });
    for (const needs of ['exchange', 'endpoint'] as const) {
      const one = await load({ only: { workload: 'a', for: needs } });
      expect(one.defaults.identityToken).toMatchObject({ purpose: 'dev' });
    }
  });

  it.each([
    [new Map(), 'configuration: neither a plain object'],
    [null, 'configuration: nothing after'],
    [[], 'configuration: a list stands where a map'],
    [{ ...BASE, region: () => 'x' }, 'configuration region: neither a plain object'],
    [{ ...BASE, workloads: { a: { wallet: Number(WALLET) } } }, 'workloads.a.wallet: a number that loses'],
  ])('as an object of another shape is a finding: %j', async (object, message) => {
    await expect(configFromObject(object, { env: {} })).rejects.toThrow(message);
  });

  it('loads a thousand workloads, and writes no token file for those with a variable', async () => {
    const folder = configFolder();
    const workloads = Object.fromEntries(
      Array.from({ length: 1000 }, (_, i) => [`w${i}`, { wallet: WALLET, token_env: `T${i}` }]),
    );
    const env = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`T${i}`, `${TOKEN}${i}`]));
    expect((await load(folder, { workloads }, env)).workloads.size).toBe(1000);
    expect(existsSync(join(folder.dir, 'tokens'))).toBe(false);
  });
});
