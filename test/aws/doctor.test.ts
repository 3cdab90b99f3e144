/**
 * The configuration, keys, tokens and policy files, each with what goes wrong there, and the checklist of it all.
 *
 * @module
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UnsecuredJWT } from 'jose';
import { afterAll, describe, expect, test } from 'vitest';
import { diagnose } from '../../src/aws/doctor/doctor.ts';
import { FINDINGS } from '../../src/aws/doctor/findings.ts';
import type { DoctorOptions } from '../../src/aws/doctor/options.ts';
import { documentOf } from '../../src/aws/policy-document.ts';
import { setupOf } from '../../src/aws/setup/setup.ts';
import { checklistText } from '../../src/cli/output/checklist.ts';
import { ConfigError } from '../../src/lib/errors.ts';
import { configOf, createDoctorWorld, ISSUER, NOW } from './doctor-world.ts';
import { configOf as sampleConfig, TAG, WALLET_A } from './support.ts';

const { folder, keysDir, world, codes, remove } = await createDoctorWorld();
afterAll(remove);

test('where all is well nothing is found', async () => {
  expect(await codes()).toEqual([]);
});

test("a configuration that doesn't load: each problem is a finding with its line", async () => {
  const error = new ConfigError('walletcreds.yaml', [
    { line: 7, column: 13, key: 'workloads.a.wallet', message: 'a typo' },
    { key: '', message: 'no region' },
  ]);
  const { findings: found } = await diagnose({ configFile: 'walletcreds.yaml', config: { error }, env: {} });
  expect(found.map(f => f.where)).toEqual(['walletcreds.yaml:7:13 workloads.a.wallet', 'walletcreds.yaml']);
  expect(found[0]?.code).toBe('config-invalid');
});

test('sessions under 30 minutes are warned of', async () => {
  expect(await codes({}, { sessionDuration: 900 })).toEqual(['warning session-short']);
  expect(await codes({}, { sessionDuration: 1800 })).toEqual([]);
});

test('keys that are missing, or cannot sign', async () => {
  expect(await codes({}, { keysDir: join(folder, 'none') })).toContain('error keys-unusable');
});

describe('a token from a file', () => {
  const source = (claims: Record<string, unknown> | undefined) => {
    const path = join(folder, 'token');
    writeFileSync(path, claims === undefined ? 'no jwt' : new UnsecuredJWT({ iss: ISSUER, ...claims }).encode());
    return { identityToken: { kind: 'file', path, audience: 'sts.amazonaws.com' } } as const;
  };
  const tags = (value: string) => ({ 'https://aws.amazon.com/tags': { principal_tags: { [TAG]: [value] } } });
  test.each<[string, Record<string, unknown> | undefined, string[]]>([
    ['with its wallet', tags(WALLET_A), []],
    ['with its wallet in the flattened form', { [`https://aws.amazon.com/tags/principal_tags/${TAG}`]: WALLET_A }, []],
    ['without the tags claim', {}, ['error token-untagged']],
    ['with only the bare claim', { [TAG]: WALLET_A }, ['error token-untagged']],
    ['with the wallet in mixed case', tags('0x52908400098527886E0F7030069857D2E4169EE7'), ['error wallet-case']],
    ['that is no JWT', undefined, ['error token-unreadable']],
  ])('%s', async (_, claims, expected) => {
    expect(await codes({}, source(claims))).toEqual(expected);
  });
});

test('policies that are files are judged, and files that are not there are findings', async () => {
  const trust = documentOf(setupOf(configOf(), { bucket: 'data' }).roles[0]?.trust ?? []);
  const file = join(folder, 'trust.json');
  writeFileSync(file, JSON.stringify(trust).replace(',"sts:TagSession"', ''));
  expect(await codes({ trustPolicy: file })).toEqual(['error trust-tag-session']);
  expect(await codes({ rolePolicy: '/nonexistent', bucketPolicy: folder })).toEqual([
    'error policy-unreadable',
    'error policy-unreadable',
  ]);
  writeFileSync(file, 'x'.repeat(10_000_000));
  expect(await codes({ trustPolicy: file })).toEqual(['error policy-too-large']);
  expect(await codes({ trustPolicy: '/dev/zero' })).toEqual(['error policy-unreadable']);
});

test('every finding has its place in the page of symptoms, and the page has no other', () => {
  const page = readFileSync(new URL('../../docs/symptoms.md', import.meta.url), 'utf8');
  const anchors = [...page.matchAll(/<a id="([\w-]+)"><\/a>/g)].map(m => m[1]);
  expect(new Set(anchors).size).toBe(anchors.length);
  // The endpoint's codes begin with a capital letter; verify and STS have prefixes.
  const others = /^(audit-|verify-|sts-|[A-Z])/;
  expect(anchors.filter(a => !others.test(a ?? '')).sort()).toEqual(
    Object.keys(FINDINGS)
      .filter(c => !others.test(c))
      .sort(),
  );
  for (const code of Object.keys(FINDINGS)) expect(anchors).toContain(code);
  const linked = ['s3-response.ts', 'steps.ts', 'result.ts', 'verify.ts'].flatMap(file => [
    ...readFileSync(new URL(`../../src/aws/verify/${file}`, import.meta.url), 'utf8').matchAll(
      /'((?:verify|sts)-[\w-]+)'/g,
    ),
  ]);
  for (const [, anchor] of linked) expect(anchors).toContain(anchor);
});

describe('the checklist', () => {
  const of = async (options: Partial<DoctorOptions> = {}) => {
    const given = { configFile: 'w.yaml', config: configOf({ keysDir }), env: {}, now: () => NOW, send: world() };
    return diagnose({ ...given, ...options });
  };
  const statuses = async (options: Partial<DoctorOptions> = {}) =>
    Object.fromEntries((await of(options)).checks.map(({ name, status, reason }) => [name, reason ?? status]));

  test('has everything that was looked at, and why the rest was not', async () => {
    expect(await statuses()).toEqual({
      'configuration w.yaml': 'ok',
      "this shell's environment": 'ok',
      "an application's environment": 'give --app-env FILE',
      [`signing keys ${keysDir}`]: 'ok',
      [`issuer ${ISSUER}`]: 'ok',
      'STS https://sts.us-east-1.amazonaws.com': 'ok',
      'trust policy': 'give --trust-policy FILE, or --account',
      "the role's and the bucket's policy": 'give --role-policy and --bucket-policy, or --account',
      'the account': 'give --account, with credentials that may read IAM',
      'an exchange at STS for each workload': 'give --exchange',
    });
  });

  test('says that grants are not checked where nobody named the bucket', async () => {
    const file = join(folder, 'broad.json');
    writeFileSync(
      file,
      JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 's3:*', Resource: '*' }] }),
    );
    const unnamed = await statuses({ rolePolicy: file });
    expect(unnamed[`policies ${file}`]).toBe('ok');
    expect(unnamed[`what ${file} let a session reach`]).toMatch(/give --bucket B and --prefix P/);
    expect(await statuses({ rolePolicy: file, bucket: 'my-data', prefix: 'bots/' })).toMatchObject({
      [`policies ${file}`]: 'error',
    });
  });

  test('finds the account and the issuer that the template has', async () => {
    const { findings } = await of({ config: sampleConfig({ keysDir }), offline: true });
    expect(findings.map(f => `${f.code} ${f.where}`)).toEqual([
      'config-placeholder /etc/walletcreds.yaml role_arn',
      'config-placeholder /etc/walletcreds.yaml identity_token.signer.issuer',
    ]);
  });

  test('is proven only where every workload got credentials', async () => {
    const asked: string[] = [];
    const good = await of({ exchange: async name => void asked.push(name) });
    expect([good.proven, asked]).toEqual([true, ['scraper-a', 'scraper-b']]);
    expect(checklistText(good)).toContain('This would work');
    const bad = await of({
      exchange: name => (name === 'scraper-b' ? Promise.reject(new Error('AccessDenied: no')) : Promise.resolve()),
    });
    expect(bad.proven).toBe(false);
    expect(bad.findings).toMatchObject([{ code: 'exchange-failed', what: 'AccessDenied: no' }]);
    for (const report of [bad, await of()]) expect(checklistText(report)).not.toContain('would work:');
  });
});
