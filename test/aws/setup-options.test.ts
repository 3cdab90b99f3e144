/**
 * What `aws-setup` prints for encrypted buckets, for buckets of other accounts, during a move, and near AWS's limits.
 *
 * @module
 */
import { describe, expect, test } from 'vitest';
import { checkTrust } from '../../src/aws/doctor/checks/trust.ts';
import { readPolicy } from '../../src/aws/doctor/policy/read.ts';
import { planOf } from '../../src/aws/plan.ts';
import { documentOf } from '../../src/aws/policy-document.ts';
import { renderCli } from '../../src/aws/setup/render/cli.ts';
import { renderCloudFormation } from '../../src/aws/setup/render/cloudformation.ts';
import { renderTerraform } from '../../src/aws/setup/render/terraform.ts';
import { type SetupOptions, setupOf } from '../../src/aws/setup/setup.ts';
import { createStsEmulator } from '../../src/emulator/index.ts';
import { createS3Emulator } from '../../src/emulator/s3/emulator.ts';
import { configOf, ROLE, TAG } from './support.ts';

const OLD = 'arn:aws:iam::123456789012:user/old-broker';
const OWN = `bots/\${aws:PrincipalTag/${TAG}}`;
const made = (more: Partial<SetupOptions>) => setupOf(configOf(), { bucket: 'data', prefix: 'bots/', ...more });
const statements = (of: Parameters<typeof documentOf>[0]) => documentOf(of).Statement;

test('--kms-key lets the role use the key, only through S3 and only for the bucket and the own objects', () => {
  const key = 'arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab';
  const [role] = made({ kmsKey: key }).roles;
  expect(statements(role?.permissions ?? []).at(-1)).toEqual({
    Sid: 'UseTheKeyThroughS3',
    Effect: 'Allow',
    Action: ['kms:Decrypt', 'kms:GenerateDataKey'],
    Resource: key,
    Condition: {
      StringEquals: { 'kms:ViaService': 's3.us-east-1.amazonaws.com' },
      StringLike: { 'kms:EncryptionContext:aws:s3:arn': ['arn:aws:s3:::data', `arn:aws:s3:::data/${OWN}/*`] },
    },
  });
});

describe('a bucket in another account', () => {
  const setup = made({ bucketAccount: '999999999999' });
  test('also allows what the role may do, and nothing more', () => {
    const allows = statements(setup.bucketPolicy).filter(({ Effect }) => Effect === 'Allow');
    expect(allows).toEqual([
      {
        Sid: 'WalletcredsAllowListOwnFolder',
        Effect: 'Allow',
        Principal: { AWS: ROLE },
        Action: 's3:ListBucket',
        Resource: 'arn:aws:s3:::data',
        Condition: { StringLike: { 's3:prefix': `${OWN}/*` } },
      },
      {
        Sid: 'WalletcredsAllowOwnObjects',
        Effect: 'Allow',
        Principal: { AWS: ROLE },
        Action: ['s3:GetObject', 's3:PutObject', 's3:DeleteObject'],
        Resource: `arn:aws:s3:::data/${OWN}/*`,
      },
    ]);
    expect(statements(setup.bucketPolicy)).toHaveLength(6);
  });
  test('is left out of what is run with the roles’ credentials, which says how to set it', () => {
    expect(renderCli(setup)).not.toMatch(/s3api (put|get)-bucket-policy .*--bucket data --region/);
    expect(renderCloudFormation(setup)).not.toContain('AWS::S3::BucketPolicy');
    expect(renderTerraform(setup)).not.toContain('resource "aws_s3_bucket_policy"');
    for (const text of [renderCli(setup), renderCloudFormation(setup), renderTerraform(setup)]) {
      expect(text.replace(/\s*\n#? */g, ' ')).toMatch(/bucket is in account 999999999999.*--only bucket-policy/);
    }
  });
  test('that is the roles’ own account is nothing special', () => {
    expect(made({ bucketAccount: '123456789012' })).toEqual(made({}));
  });
});

describe('--keep-principal', () => {
  const moving = made({ keepPrincipal: OLD });
  test('lets the old principal assume the role without tags, beside the tokens with a wallet', () => {
    const [tokens, kept, ...more] = statements(moving.roles[0]?.trust ?? []);
    expect(more).toEqual([]);
    expect(tokens).toEqual(statements(made({}).roles[0]?.trust ?? [])[0]);
    expect(kept).toEqual({
      Sid: 'KeptUntilTheMoveEnds',
      Effect: 'Allow',
      Principal: { AWS: OLD },
      Action: 'sts:AssumeRole',
    });
  });
  test('denies an untagged session nothing on the bucket, and a tagged one the same as after the move', () => {
    const before = statements(moving.bucketPolicy);
    const after = statements(made({}).bucketPolicy);
    const tagged = { [`aws:PrincipalTag/${TAG}`]: 'false' };
    expect(before.map(({ Sid }) => Sid)).toEqual(after.map(({ Sid }) => Sid).slice(0, -1));
    for (const [i, { Condition, ...rest }] of before.entries()) {
      expect(Condition?.['Null']).toEqual(tagged);
      const { Condition: last, ...others } = after[i] ?? {};
      expect(rest).toEqual(others);
      expect(Condition).toEqual({ ...last, Null: tagged });
    }
  });
  test('is known to doctor as a move, and only as long as it is one user or role', () => {
    const config = configOf();
    const trust = documentOf(moving.roles[0]?.trust ?? []);
    const check = (document: unknown) =>
      checkTrust(readPolicy(JSON.stringify(document), 'trust', 't'), planOf(config), 't').map(
        ({ severity, code }) => `${severity} ${code}`,
      );
    expect(check(trust)).toEqual(['warning trust-moving']);
    const everybody = JSON.parse(JSON.stringify(trust).replace(OLD, 'arn:aws:iam::123456789012:root'));
    expect(check(everybody)).toEqual(['error trust-two-principals']);
  });
  test('is printed as policies that the emulators take', () => {
    const sts = createStsEmulator({
      accountId: '123456789012',
      issuers: [],
      roles: [{ arn: ROLE, trustPolicy: JSON.stringify(documentOf(moving.roles[0]?.trust ?? [])) }],
    });
    const buckets = [{ name: 'data', policy: documentOf(moving.bucketPolicy) }];
    expect(() => createS3Emulator({ sts, buckets })).not.toThrow();
  });
});

describe('sizes', () => {
  const issuers = (count: number) => {
    const roles = Array.from({ length: count }, (_, i) => i);
    return {
      config: configOf({
        workloads: Object.fromEntries(roles.map(i => [`w${i}`, `0x${String(i).padStart(40, '0')}`])),
        roles: Object.fromEntries(roles.map(i => [`w${i}`, `arn:aws:iam::123456789012:role/data-role-${i}`])),
      }),
    };
  };
  test('a bucket’s policy over 20,480 bytes is refused before anything is made', () => {
    expect(() => setupOf(issuers(150).config, { bucket: 'data' })).toThrow(/bucket data would have \d+ bytes.*20480/);
    expect(setupOf(issuers(20).config, { bucket: 'data' }).warnings).toEqual([]);
  });
  test('a role’s policy over 10,240 characters is refused', () => {
    const sourceIps = Array.from({ length: 600 }, (_, i) => `203.0.${i >> 8}.${i & 255}/32`);
    expect(() => made({ sourceIps })).toThrow(/policy of agentkeys-data-role would have \d+ characters.*--source-ip/);
  });
  test('a policy of the bucket that is only over it with white space is printed without', () => {
    const setup = setupOf(issuers(70).config, { bucket: 'data' });
    const [, policy = ''] = /^POLICY='(.*)'$/m.exec(renderCli(setup)) ?? [];
    expect(JSON.parse(policy)).toEqual(documentOf(setup.bucketPolicy));
    expect(policy.length).toBeLessThan(20_480);
  });
  test('a trust policy over 2,048 characters needs a raised quota, and over 8,192 it is refused', () => {
    const withIssuers = (count: number, length: number) => {
      const workloads = Array.from({ length: count }, (_, i) => [`w${i}`, `0x${String(i).padStart(40, '0')}`]);
      const config = configOf({ workloads: Object.fromEntries(workloads) });
      const found = [...config.workloads].map(([name, found], i) => {
        const issuer = `https://oidc${i}.example.com/${'x'.repeat(length)}`;
        const identityToken = { ...found.workload.identityToken, issuer } as typeof found.workload.identityToken;
        return [name, { ...found, workload: { ...found.workload, identityToken } }] as const;
      });
      return { ...config, workloads: new Map(found) };
    };
    const { warnings } = setupOf(withIssuers(6, 10), { bucket: 'data' });
    expect(warnings).toEqual([
      expect.stringMatching(/trust policy of agentkeys-data-role has \d{4} characters.*quota/),
    ]);
    expect(() => setupOf(withIssuers(20, 100), { bucket: 'data' })).toThrow(/8192 at most/);
  });
});
