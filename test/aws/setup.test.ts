/**
 * What `aws-setup` makes of the configuration and the flags: policies, roles and providers, and what it refuses.
 *
 * @module
 */
import { describe, expect, test } from 'vitest';
import { checkCidr, placeOf } from '../../src/aws/plan.ts';
import { documentOf } from '../../src/aws/policy-document.ts';
import { renderCli } from '../../src/aws/setup/render/cli.ts';
import { renderCloudFormation } from '../../src/aws/setup/render/cloudformation.ts';
import { renderTerraform } from '../../src/aws/setup/render/terraform.ts';
import { revocationOf, setupOf } from '../../src/aws/setup/setup.ts';
import { UsageError } from '../../src/lib/errors.ts';
import { configOf, FULL, ROLE, TAG, WALLET_A, WALLET_B } from './support.ts';

const cephConfig = configOf({
  roleArn: 'arn:aws:iam:::role/data',
  issuer: 'http://127.0.0.1:9999',
  stsEndpoint: 'http://127.0.0.1:7480',
});
const trust = documentOf(setupOf(configOf(), FULL).roles[0]?.trust ?? []).Statement[0];

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

test('an issuer that ends in "/" is printed byte for byte', () => {
  const { plan, roles } = setupOf(configOf({ issuer: 'https://oidc.example.com/' }), { bucket: 'data' });
  expect(plan.providers[0]?.arn).toBe('arn:aws:iam::123456789012:oidc-provider/oidc.example.com/');
  expect(JSON.stringify(roles[0]?.trust)).toContain('"oidc.example.com/:aud"');
});
