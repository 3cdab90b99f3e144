import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { parseDocument } from 'yaml';
import { checkCidr, placeOf } from '../../src/aws/plan.ts';
import { documentOf } from '../../src/aws/policy-document.ts';
import { renderCli, renderRevocationCli, shellQuoted } from '../../src/aws/setup/render/cli.ts';
import { renderCloudFormation } from '../../src/aws/setup/render/cloudformation.ts';
import { renderTerraform } from '../../src/aws/setup/render/terraform.ts';
import { revocationOf, setupOf } from '../../src/aws/setup/setup.ts';
import { UsageError } from '../../src/lib/errors.ts';
import { configOf, ROLE, TAG, WALLET_A, WALLET_B } from './support.ts';
import { needed } from './tools.ts';

const folder = mkdtempSync(join(tmpdir(), 'walletcreds-setup-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const full = { bucket: 'my.bucket', prefix: 'bots', sourceIps: ['203.0.113.0/24'], bindSession: true };
const setup = setupOf(configOf(), full);
const revocation = revocationOf(configOf(), { wallet: WALLET_A, now: Date.UTC(2026, 0, 1) });
const cephConfig = configOf({
  roleArn: 'arn:aws:iam:::role/data',
  issuer: 'http://127.0.0.1:9999',
  stsEndpoint: 'http://127.0.0.1:7480',
});
const trust = documentOf(setup.roles[0]?.trust ?? []).Statement[0];

describe('the trust policy', () => {
  test('trusts the provider alone, for its audience, and demands a tag of a wallet in form', () => {
    const [statement, ...more] = documentOf(setupOf(configOf(), { bucket: 'data' }).roles[0]?.trust ?? []).Statement;
    expect(more).toEqual([]);
    expect(statement).toMatchObject({
      Effect: 'Allow',
      Principal: { Federated: 'arn:aws:iam::123456789012:oidc-provider/oidc.example.com' },
      Action: ['sts:AssumeRoleWithWebIdentity', 'sts:TagSession'],
      Condition: {
        StringEquals: { 'oidc.example.com:aud': 'sts.amazonaws.com' },
        StringLike: { [`aws:RequestTag/${TAG}`]: `0x${'?'.repeat(40)}` },
        Null: { [`aws:RequestTag/${TAG}`]: 'false' },
      },
    });
    expect(JSON.stringify(statement)).not.toContain(':sub');
  });

  test('binds subject and session name to the tag with --bind-session', () => {
    expect(trust?.Condition?.['StringEquals']?.['oidc.example.com:sub']).toBe(
      `agentkeys:agent:\${aws:RequestTag/${TAG}}`,
    );
    expect(trust?.Condition?.['StringLike']?.['sts:RoleSessionName']).toBe(`*\${aws:RequestTag/${TAG}}*`);
  });

  test("keeps an issuer's path in the ARN and in the condition keys", () => {
    const config = configOf({ issuer: 'https://cdn.example.com/oidc/prod' });
    const text = JSON.stringify(setupOf(config, { bucket: 'data' }).roles);
    expect(text).toContain('oidc-provider/cdn.example.com/oidc/prod');
    expect(text).toContain('"cdn.example.com/oidc/prod:aud"');
  });
});

test('the wallet tag, the bucket and the prefix are what the configuration and the flags say', () => {
  const text = JSON.stringify(setupOf(configOf({ walletTag: 'owner' }), { bucket: 'data', prefix: 'a/b/' }));
  expect(text).toContain('arn:aws:s3:::data/a/b/${aws:PrincipalTag/owner}/*');
  expect(text).toContain('aws:RequestTag/owner');
  expect(text).not.toContain(TAG);
});

test('without --prefix the folders stand at the root of the bucket', () => {
  const text = JSON.stringify(setupOf(configOf(), { bucket: 'data' }).roles);
  expect(text).toContain(`arn:aws:s3:::data/\${aws:PrincipalTag/${TAG}}/*`);
});

test('other partitions are kept', () => {
  const text = JSON.stringify(
    setupOf(configOf({ roleArn: 'arn:aws-cn:iam::123456789012:role/team/data' }), { bucket: 'data' }),
  );
  expect(text).toContain('arn:aws-cn:s3:::data');
  expect(text).toContain('arn:aws-cn:iam::123456789012:oidc-provider/');
});

test('every role of the configuration is set up, with the longest session it is asked for', () => {
  const other = 'arn:aws:iam::123456789012:role/other';
  const made = setupOf(configOf({ roles: { 'scraper-b': other }, sessionDuration: 7200 }), { bucket: 'data' });
  expect(made.roles.map(({ role }) => [role.arn, role.maxSessionDuration])).toEqual([
    [ROLE, 7200],
    [other, 7200],
  ]);
  expect(JSON.stringify(made.bucketPolicy)).toContain(JSON.stringify({ AWS: [ROLE, other] }));
});

describe('what cannot be set up is refused, and the message says what to change', () => {
  const cases: [string, () => unknown, RegExp][] = [
    ['a bucket that is a URL', () => placeOf('s3://data', ''), /not a bucket's name/],
    ['a bucket that is an address', () => placeOf('10.0.0.1', ''), /not a bucket's name/],
    ...(
      [
        ['data--use1-az4--x-s3', /directory bucket/],
        ['data--ol-s3', /Object Lambda/],
        ['data-metadata-aqfqprnstn7aefdfbarligizwgyfouse1a-s3alias', /access point/],
        ['mfzwi23gnjvgw.mrap', /multi-region/],
        ['data--table-s3', /table bucket/],
        ['xn--data', /reserves/],
        ['sthree-data', /reserves/],
        ['a..b', /no names with/],
        ['a.-b', /no names with/],
        ['a-.b', /no names with/],
      ] as const
    ).map(([name, why]): [string, () => unknown, RegExp] => [`the bucket ${name}`, () => placeOf(name, ''), why]),
    [
      'an alias in place of a KMS key',
      () => setupOf(configOf(), { bucket: 'data', kmsKey: 'arn:aws:kms:us-east-1:123456789012:alias/data' }),
      /can't name an alias/,
    ],
    ...['*', 'arn:aws:iam::123456789012:root', 'arn:aws:iam::123456789012:user/*'].map(
      (keepPrincipal): [string, () => unknown, RegExp] => [
        `to keep ${keepPrincipal}`,
        () => setupOf(configOf(), { bucket: 'data', keepPrincipal }),
        /one IAM user or role/,
      ],
    ),
    [
      'a bucket’s account that is none',
      () => setupOf(configOf(), { bucket: 'data', bucketAccount: '123' }),
      /twelve digits/,
    ],
    [
      'on Ceph, to keep a principal',
      () => setupOf(cephConfig, { bucket: 'data', dialect: 'ceph', keepPrincipal: 'arn:aws:iam::123456789012:user/b' }),
      /--keep-principal: not written for Ceph/,
    ],
    ['a prefix with a wildcard', () => placeOf('data', 'a*/'), /no "\*"/],
    ['a prefix with a variable', () => placeOf('data', '${aws:username}/'), /no "\*"/],
    ['a prefix that begins with a slash', () => placeOf('data', '/bots/'), /write "bots\/"/],
    [
      'a prefix that is a wallet’s own folder, in any case',
      () => setupOf(configOf(), { bucket: 'data', prefix: `bots/0x${WALLET_A.slice(2).toUpperCase()}` }),
      /ends in a wallet.*leave the wallet out/,
    ],
    ['an address block that is none', () => checkCidr('10.0.0.0/33'), /not a CIDR/],
    [
      'an issuer over http',
      () => setupOf(configOf({ issuer: 'http://oidc.example.com' }), { bucket: 'data' }),
      /https issuer only/,
    ],
    [
      'an issuer with a port',
      () => setupOf(configOf({ issuer: 'https://oidc.example.com:8443' }), { bucket: 'data' }),
      /no port/,
    ],
    ['a wallet that is none', () => revocationOf(configOf(), { wallet: '0xabc', now: 0 }), /--revoke "0xabc"/],
    [
      'a token file that cannot be read',
      () =>
        setupOf(configOf({ identityToken: { kind: 'file', path: '/nonexistent', audience: 'x' } }), { bucket: 'data' }),
      /--issuer URL/,
    ],
    [
      'Ceph without workloads',
      () => setupOf(configOf({ workloads: {} }), { bucket: 'data', dialect: 'ceph' }),
      /name the workloads first/,
    ],
    [
      'Ceph with a bound session',
      () => setupOf(cephConfig, { bucket: 'data', dialect: 'ceph', bindSession: true }),
      /--bind-session/,
    ],
  ];
  test.each(cases)('%s', (_, make, message) => {
    expect(make).toThrow(UsageError);
    expect(make).toThrow(message);
  });
});

describe('roles in several accounts', () => {
  const elsewhere = 'arn:aws:iam::999999999999:role/agentkeys-data-role';
  const config = configOf({ roles: { 'scraper-b': elsewhere } });
  test('are never put into one script', () => {
    expect(() => setupOf(config, { bucket: 'data' })).toThrow(/123456789012, 999999999999.*--account-id/);
    expect(() => revocationOf(config, { wallet: WALLET_A, now: 0 })).toThrow(/--account-id/);
  });
  test('are set up account by account, each with its own provider', () => {
    const { roles, plan, bucketPolicy } = setupOf(config, { bucket: 'data', account: '999999999999' });
    expect(roles.map(({ role }) => role.arn)).toEqual([elsewhere]);
    expect(plan.providers.map(({ arn }) => arn)).toEqual(['arn:aws:iam::999999999999:oidc-provider/oidc.example.com']);
    expect(JSON.stringify(bucketPolicy)).not.toContain(ROLE);
    const revoked = revocationOf(config, { wallet: WALLET_A, now: 0, account: '123456789012' });
    expect(revoked.plan.roles.map(({ arn }) => arn)).toEqual([ROLE]);
  });
  test('are named where none is in the account that was asked for', () => {
    const setup = () => setupOf(config, { bucket: 'data', account: '111111111111' });
    expect(setup).toThrow(/--account-id 111111111111: no role .* 123456789012, 999999999999/);
  });
  test('have names of their own within one account, whatever their paths', () => {
    const twice = configOf({ roles: { 'scraper-b': 'arn:aws:iam::123456789012:role/team/agentkeys-data-role' } });
    expect(() => setupOf(twice, { bucket: 'data' })).toThrow(/only once, whatever the paths/);
  });
  test.each([
    ['CloudFormation', renderCloudFormation],
    ['Terraform', renderTerraform],
  ])('%s is told the account, too', (_, render) => {
    const text = render(setupOf(config, { bucket: 'data', account: '999999999999' }));
    expect(text).toMatch(/999999999999"?\s*(\n|\])/);
    expect(text).not.toContain('123456789012');
  });
});

describe('on Ceph', () => {
  const ceph = setupOf(cephConfig, { bucket: 'data', dialect: 'ceph' });
  test('no policy holds a variable, and every wallet is written out', () => {
    const text = JSON.stringify([ceph.roles, ceph.bucketPolicy]);
    expect(text).not.toContain('${');
    expect(text).toContain(`arn:aws:s3:::data/${WALLET_A}/*`);
    expect(text).toContain(`arn:aws:s3:::data/${WALLET_B}/*`);
  });
  test('the trust policy demands the tag by StringLike and lists transitive_tag_keys', () => {
    const condition = documentOf(ceph.roles[0]?.trust ?? []).Statement[0]?.Condition;
    expect(condition?.['Null']).toBeUndefined();
    expect(condition?.['ForAllValues:StringEquals']?.['aws:TagKeys']).toEqual([TAG, 'transitive_tag_keys']);
  });
  test('the commands name the gateway, and a thumbprint is given', () => {
    const script = renderCli(ceph);
    expect(script).toContain('CEPH=${CEPH:-http://127.0.0.1:7480}');
    expect(script).toMatch(/--thumbprint-list 0{40}/);
    expect(script).not.toMatch(/^aws (?!--endpoint-url)/m);
  });
});

/** Runs a script with an `aws` that only writes down what it was asked. */
function runScript(
  script: string,
  answers: Record<string, string> = {},
): { status: number; calls: string[][]; stderr: string } {
  const bin = mkdtempSync(join(folder, 'bin-'));
  const log = join(bin, 'calls');
  const known = { 'get-caller-identity': 'echo 123456789012', ...answers };
  const cases = Object.entries(known).map(([verb, answer]) => `*" ${verb} "*) ${answer} ;;`);
  writeFileSync(
    join(bin, 'aws'),
    `#!/bin/sh\nfor a in "$@"; do printf '%s\\0' "$a"; done >>${log}; printf '\\1' >>${log}\ncase " $* " in ${cases.join(' ')} esac\n`,
    { mode: 0o755 },
  );
  let status = 0;
  let stderr = '';
  try {
    execFileSync('/bin/sh', ['-s'], { input: script, env: { PATH: `${bin}:/usr/bin:/bin` }, stdio: 'pipe' });
  } catch (error) {
    status = (error as { status: number }).status;
    stderr = String((error as { stderr: Buffer }).stderr);
  }
  const calls = readFileSync(log, 'utf8')
    .split('\u0001')
    .filter(c => c !== '')
    .map(c => c.split('\0').slice(0, -1));
  return { status, calls, stderr };
}

const NO_POLICY = 'echo "An error occurred (NoSuchBucketPolicy)" >&2; exit 254';

describe('as commands', () => {
  test('a new account gets each part once, and the documents arrive at the AWS CLI as they were made', () => {
    const { status, calls } = runScript(renderCli(setup), {
      'get-open-id-connect-provider': 'exit 254',
      'get-role': 'exit 254',
      'get-bucket-policy': NO_POLICY,
    });
    expect(status).toBe(0);
    const verbs = calls.map(call => call[1]);
    expect(verbs).toEqual([
      'get-caller-identity',
      'get-bucket-policy',
      'get-open-id-connect-provider',
      'create-open-id-connect-provider',
      'add-client-id-to-open-id-connect-provider',
      'get-role',
      'create-role',
      'update-assume-role-policy',
      'update-role',
      'untag-role',
      'put-role-policy',
      'put-bucket-policy',
    ]);
    const argument = (verb: string, flag: string) => {
      const call = calls.find(c => c[1] === verb) ?? [];
      return JSON.parse(call[call.indexOf(flag) + 1] ?? 'null');
    };
    expect(argument('create-role', '--assume-role-policy-document')).toEqual(documentOf(setup.roles[0]?.trust ?? []));
    expect(argument('put-role-policy', '--policy-document')).toEqual(documentOf(setup.roles[0]?.permissions ?? []));
    expect(argument('put-bucket-policy', '--policy')).toEqual(documentOf(setup.bucketPolicy));
  });

  test('run again, it makes nothing twice', () => {
    const own = JSON.stringify(documentOf(setup.bucketPolicy)).replaceAll("'", '');
    const { status, calls } = runScript(renderCli(setup), { 'get-bucket-policy': `echo '${own}'` });
    expect(status).toBe(0);
    expect(calls.map(c => c[1]).filter(v => v?.startsWith('create-'))).toEqual([]);
  });

  test.each([
    ['a statement of its own', '{"Version":"2012-10-17","Statement":[{"Sid":"Mine","Effect":"Allow"}]}'],
    [
      'ours and one of its own',
      '{"Statement":[{"Sid":"WalletcredsNothingWithoutAWallet","Effect":"Deny"},{"Effect":"Allow"}]}',
    ],
  ])('a bucket whose policy has %s keeps it', (_, policy) => {
    const { status, calls, stderr } = runScript(renderCli(setup), { 'get-bucket-policy': `echo '${policy}'` });
    expect(status).toBe(1);
    expect(stderr).toContain('policy of its own: add the statements below to it');
    const below = stderr.slice(stderr.indexOf('{'));
    expect(JSON.parse(below)).toEqual(documentOf(setup.bucketPolicy));
    expect(calls.map(c => c[1])).not.toContain('put-bucket-policy');
  });

  test('roles that another configuration confined are not released, unless that is asked for', () => {
    const other = JSON.stringify(documentOf(setup.bucketPolicy))
      .replaceAll("'", '')
      .replaceAll(JSON.stringify(ROLE), JSON.stringify([ROLE, 'arn:aws:iam::123456789012:role/other']));
    const there = { 'get-bucket-policy': `echo '${other}'` };
    const stopped = runScript(renderCli(setup), there);
    expect(stopped.status).toBe(1);
    expect(stopped.stderr).toContain('REPLACE=1');
    expect(stopped.stderr).toContain('role/other');
    expect(stopped.stderr).not.toContain(ROLE);
    expect(stopped.calls.map(c => c[1])).toEqual(['get-caller-identity', 'get-bucket-policy']);
    const told = runScript(`REPLACE=1\n${renderCli(setup)}`, there);
    expect(told.calls.map(c => c[1])).toContain('put-bucket-policy');
  });

  test.each([
    ['the setup', renderCli(setup)],
    ['a revocation', renderRevocationCli(revocation)],
  ])('%s changes nothing in an account that is not the roles’', (_, script) => {
    const { status, calls, stderr } = runScript(script, { 'get-caller-identity': 'echo 999999999999' });
    expect(status).toBe(1);
    expect(stderr).toContain('of account 999999999999, and the roles are in 123456789012');
    expect(calls.map(c => c[1])).toEqual(['get-caller-identity']);
  });

  test('a bucket whose policy cannot be read is not overwritten', () => {
    const { status, calls } = runScript(renderCli(setup), { 'get-bucket-policy': 'echo "AccessDenied" >&2; exit 254' });
    expect(status).toBe(1);
    expect(calls.map(c => c[1])).toEqual(['get-caller-identity', 'get-bucket-policy']);
  });

  test('--revoke puts one inline policy on the role', () => {
    const { calls } = runScript(renderRevocationCli(revocation));
    expect(calls.map(c => c.slice(0, 6))).toEqual([
      ['sts', 'get-caller-identity', '--query', 'Account', '--output', 'text'],
      [
        'iam',
        'put-role-policy',
        '--role-name',
        'agentkeys-data-role',
        '--policy-name',
        `walletcreds-revoke-${WALLET_A}`,
      ],
    ]);
  });

  test('no value can leave its word in the shell', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme' }).filter(s => !s.includes('\0')),
        value => {
          const out = execFileSync('/bin/sh', ['-c', `printf %s ${shellQuoted(value)}`], { encoding: 'utf8' });
          expect(out).toBe(Buffer.from(value).toString());
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe('whatever legal characters names are made of', () => {
  const chars = (more: string, min = 1) =>
    fc.array(fc.constantFrom(...'aZ09', ...more), { minLength: min, maxLength: 8 }).map(parts => parts.join(''));
  const odd = fc.record({
    bucket: chars('').map(s => `my.buc-ket-${s.toLowerCase()}.x`),
    prefix: chars("!'()=+@:, -.").map(s => `it's/${s}`),
    walletTag: chars(' _.:/=+-@').map(s => `t${s}t`),
    issuer: chars("'!$&()*+,;=:@~%20-._").map(s => `https://oidc.example.com/${s}'x`),
    roleArn: fc
      .record({ path: chars('!"#$%&\'()*,;<=>?@[\\]^`{|}~'), name: chars('+=,.@-_') })
      .map(({ path, name }) => `${ROLE}/${path}/r${name}`),
  });
  type Odd = typeof odd extends fc.Arbitrary<infer T> ? T : never;
  const made = ({ bucket, prefix, ...rest }: Odd) =>
    setupOf(configOf({ ...rest, token: 'canary-token-canary-token-canary-token' }), { bucket, prefix });

  test('each command gets them as they are, and no secret', () => {
    fc.assert(
      fc.property(odd, given => {
        const setup = made(given);
        const script = renderCli(setup);
        expect(script).not.toContain('canary');
        const { status, calls } = runScript(script, {
          'get-open-id-connect-provider': 'exit 254',
          'get-role': 'exit 254',
          'get-bucket-policy': NO_POLICY,
        });
        expect(status).toBe(0);
        const argument = (verb: string, flag: string) => {
          const call = calls.find(c => c[1] === verb) ?? [];
          return call[call.indexOf(flag) + 1] ?? '';
        };
        const [role] = setup.roles;
        expect(argument('create-open-id-connect-provider', '--url')).toBe(given.issuer);
        expect(argument('create-role', '--role-name')).toBe(role?.role.name);
        expect(argument('create-role', '--path')).toBe(role?.role.path);
        expect(argument('untag-role', '--tag-keys')).toBe(given.walletTag);
        expect(argument('put-bucket-policy', '--bucket')).toBe(given.bucket);
        expect(JSON.parse(argument('create-role', '--assume-role-policy-document'))).toEqual(
          documentOf(role?.trust ?? []),
        );
        expect(JSON.parse(argument('put-role-policy', '--policy-document'))).toEqual(
          documentOf(role?.permissions ?? []),
        );
        expect(JSON.parse(argument('put-bucket-policy', '--policy'))).toEqual(documentOf(setup.bucketPolicy));
      }),
      { numRuns: 10 },
    );
  });

  test('a template has them as they are, and no secret', () => {
    fc.assert(
      fc.property(odd, given => {
        const setup = made(given);
        const yaml = renderCloudFormation(setup);
        expect(yaml).not.toContain('canary');
        const { Provider, DataRole, BucketPolicy } = parseDocument(yaml, { version: '1.1' }).toJS().Resources;
        const [role] = setup.roles;
        expect(Provider.Properties.Url).toBe(given.issuer);
        expect(DataRole.Properties).toMatchObject({ RoleName: role?.role.name, Path: role?.role.path });
        expect(DataRole.Properties.AssumeRolePolicyDocument).toEqual(documentOf(role?.trust ?? []));
        expect(DataRole.Properties.Policies[0].PolicyDocument).toEqual(documentOf(role?.permissions ?? []));
        expect(BucketPolicy.Properties).toEqual({
          Bucket: given.bucket,
          PolicyDocument: documentOf(setup.bucketPolicy),
        });
      }),
      { numRuns: 50 },
    );
  });

  test('Terraform has them as they are, and no secret', async ({ skip }) => {
    const tool = await needed('hcl2json', skip);
    const { parse } = tool('@cdktf/hcl2json') as { parse(f: string, t: string): Promise<unknown> };
    await fc.assert(
      fc.asyncProperty(odd, async given => {
        const setup = made(given);
        const hcl = renderTerraform(setup);
        expect(hcl).not.toContain('canary');
        const { resource, variable } = JSON.parse(JSON.stringify(await parse('main.tf', hcl)));
        // The parser gives a template's text as it is written, "$${" for "${".
        const plain = (text: string) => text.replaceAll('$${', () => '${').replaceAll('%%{', '%{');
        expect(plain(resource.aws_iam_openid_connect_provider.provider[0].url)).toBe(given.issuer);
        const [role] = resource.aws_iam_role.data;
        expect(plain(role.name)).toBe(setup.roles[0]?.role.name);
        expect(plain(role.path)).toBe(setup.roles[0]?.role.path);
        expect(resource.aws_s3_bucket_policy.data[0].bucket).toBe('${var.bucket}');
        expect(variable.bucket[0].default).toBe(given.bucket);
        expect(plain(resource.aws_iam_role.data[0].assume_role_policy)).toContain(
          JSON.stringify(`aws:RequestTag/${given.walletTag}`),
        );
      }),
      { numRuns: 15 },
    );
  });
});

test('an issuer that ends in "/" is printed byte for byte', () => {
  const { plan, roles } = setupOf(configOf({ issuer: 'https://oidc.example.com/' }), { bucket: 'data' });
  expect(plan.providers[0]?.arn).toBe('arn:aws:iam::123456789012:oidc-provider/oidc.example.com/');
  expect(JSON.stringify(roles[0]?.trust)).toContain('"oidc.example.com/:aud"');
});
