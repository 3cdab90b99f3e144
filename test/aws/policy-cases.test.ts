/**
 * Policies as people publish them, and what is right to say of each.
 *
 * @module
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UnsecuredJWT } from 'jose';
import { afterAll, describe, expect, test } from 'vitest';
import { checkGrants } from '../../src/aws/doctor/checks/grants.ts';
import { checkTrust } from '../../src/aws/doctor/checks/trust.ts';
import type { Finding } from '../../src/aws/doctor/finding.ts';
import { readPolicy } from '../../src/aws/doctor/policy/read.ts';
import { documentOf } from '../../src/aws/policy-document.ts';
import { setupOf } from '../../src/aws/setup/setup.ts';
import type { Config } from '../../src/config/types.ts';
import type { IdentityTokenConfig } from '../../src/workload/workload.ts';
import { configOf, ROLE, TAG, WALLET_A } from './support.ts';

const place = { bucket: 'my-data', prefix: 'bots/' };
const B = 'arn:aws:s3:::my-data';
const OWN = `bots/\${aws:PrincipalTag/${TAG}}`;
const ACCOUNT = '123456789012';
const PROVIDER = `arn:aws:iam::${ACCOUNT}:oidc-provider/oidc.example.com`;
type Json = Record<string, unknown>;

const folder = mkdtempSync(join(tmpdir(), 'walletcreds-policy-cases-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const allow = (Action: string | string[], Resource: string | string[], more: Json = {}) => ({
  Effect: 'Allow',
  Action,
  Resource,
  ...more,
});
const document = (...Statement: Json[]) => ({ Version: '2012-10-17', Statement });
const list = (findings: readonly Finding[]) => [...new Set(findings.map(f => `${f.severity} ${f.code}`))];

function good(config: Config = configOf()) {
  const { plan, roles, bucketPolicy } = setupOf(config, place);
  const statements = (explained: Parameters<typeof documentOf>[0]): Json[] =>
    JSON.parse(JSON.stringify(documentOf(explained))).Statement;
  return {
    plan,
    trust: statements(roles[0]?.trust ?? []),
    role: statements(roles[0]?.permissions ?? []),
    bucket: statements(bucketPolicy),
  };
}

function role(statements: readonly Json[], bucketText?: string): Finding[] {
  const read = readPolicy(JSON.stringify(document(...statements)), 'identity', 'role.json');
  const bucket = bucketText === undefined ? undefined : readPolicy(bucketText, 'resource', 'bucket.json');
  const names = { roleName: 'role.json', bucketName: 'bucket.json' };
  const found = checkGrants({ role: read, bucket, ...names }, good().plan, place);
  return [...read.findings, ...(bucket?.findings ?? []), ...found];
}

const bucket = (...statements: Json[]) => role(good().role, JSON.stringify(document(...statements)));

function trust(statements: readonly Json[], config = configOf()): Finding[] {
  const read = readPolicy(JSON.stringify(document(...statements)), 'trust', 'trust.json');
  return [...read.findings, ...checkTrust(read, good(config).plan, 'trust.json')];
}

describe('a role policy', () => {
  test.each<[string, Json[]]>([
    ['s3:* on *', [allow('s3:*', '*')]],
    ['s3:* on arn:aws:s3:::*', [allow('s3:*', 'arn:aws:s3:::*')]],
    ['* on *, as AdministratorAccess has it', [allow('*', '*')]],
    ['everything by NotAction', [{ Effect: 'Allow', NotAction: 'iam:*', Resource: '*' }]],
    ['objects in any folder of buckets of the same name', [allow('s3:GetObject', 'arn:aws:s3:::my-*/*')]],
    [
      'the listing of the folder of folders',
      [
        ...good().role,
        allow('s3:ListBucket', B, {
          Condition: { StringEquals: { 's3:prefix': ['', 'bots/'], 's3:delimiter': ['/'] } },
        }),
      ],
    ],
  ])('with %s is broad, and never "cannot reach its own folder"', (_, statements) => {
    const found = list(role(statements));
    expect(found).toContain('error role-broad');
    if (statements.length === 1 && !JSON.stringify(statements).includes('GetObject'))
      expect(found.filter(code => code.endsWith('role-own-denied'))).toEqual([]);
  });

  test.each([
    ['iam:CreateAccessKey', '*'],
    ['sts:AssumeRole', '*'],
    ['s3:PutLifecycleConfiguration', B],
    ['s3:DeleteBucket', B],
    ['s3:PutBucketAcl', B],
    ['s3:PutReplicationConfiguration', B],
    ['s3:PutObjectTagging', `${B}/*`],
    ['s3:PutObjectVersionAcl', `${B}/*`],
    ['s3:CreateAccessPoint', '*'],
    ['s3:CreateJob', '*'],
    ['kms:PutKeyPolicy', `arn:aws:kms:us-east-1:${ACCOUNT}:key/1`],
  ])('that is good plus %s on %s is an error', (action, resource) => {
    expect(list(role([...good().role, allow(action, resource)]))).toEqual(['error role-broad']);
  });

  test.each([
    ['logs:PutLogEvents', '*'],
    ['s3:GetBucketVersioning', B],
    ['s3:PutObjectAcl', `${B}/${OWN}/*`],
    ['s3:GetObject', 'arn:aws:s3:::another/*'],
  ])('that is good plus %s on %s is a warning', (action, resource) => {
    expect(list(role([...good().role, allow(action, resource)]))).toEqual(['warning grant-extra']);
  });

  test.each<[string, Json[]]>([
    ['what aws-setup prints', []],
    [
      'the key of an encrypted bucket',
      [allow(['kms:Decrypt', 'kms:GenerateDataKey'], `arn:aws:kms:us-east-1:${ACCOUNT}:key/1`)],
    ],
    ['versions and tags of own objects', [allow(['s3:GetObjectVersion', 's3:PutObjectTagging'], `${B}/${OWN}/*`)]],
  ])('with %s has no finding', (_, more) => {
    expect(list(role([...good().role, ...more]))).toEqual([]);
  });

  test('whose objects are in the own folder of every bucket of the same name is no error', () => {
    const [listing = {}] = good().role;
    const objects = allow(['s3:GetObject', 's3:PutObject'], `arn:aws:s3:::my-data*/${OWN}/*`);
    expect(list(role([listing, objects])).filter(code => code.startsWith('error'))).toEqual([]);
  });

  test('with GetBucketLocation under s3:prefix is told that it is never allowed', () => {
    const [listing = {}, objects = {}] = good().role;
    const found = role([{ ...listing, Action: ['s3:ListBucket', 's3:GetBucketLocation'] }, objects]);
    expect(found).toMatchObject([
      {
        code: 'role-prefix-on-objects',
        severity: 'warning',
        what: expect.stringContaining('s3:GetBucketLocation is never allowed'),
      },
    ]);
  });

  test('written for one wallet, which every other token of the issuer could use, is broad', () => {
    expect(list(role([allow('s3:GetObject', `${B}/bots/${WALLET_A}/*`)]))).toContain('error role-broad');
  });
});

describe('a bucket policy', () => {
  const SESSION = `arn:aws:sts::${ACCOUNT}:assumed-role/agentkeys-data-role/${WALLET_A}@scraper-a`;
  test.each<[string, Json]>([
    [
      'opens itself to a session, past the role’s policy',
      allow(['s3:GetObject', 's3:ListBucket'], [B, `${B}/*`], { Principal: { AWS: SESSION } }),
    ],
    ['opens everything to anybody', allow('s3:*', 'arn:aws:s3:::*', { Principal: '*' })],
    ['opens itself to the role', allow('s3:GetObject', `${B}/*`, { Principal: { AWS: ROLE } })],
  ])('that %s is broad', (_, statement) => {
    expect(list(bucket(statement))).toContain('error bucket-broad');
  });

  test('that denies three administrative actions is no help for the rest, while the role has s3:*', () => {
    const deny = {
      Effect: 'Deny',
      Principal: { AWS: ROLE },
      Action: ['s3:PutBucketPolicy', 's3:DeleteBucketPolicy', 's3:PutBucketAcl'],
      Resource: B,
    };
    const [folderOnly = {}, listing = {}, , untagged = {}] = good().bucket;
    const text = JSON.stringify(document(folderOnly, listing, deny, untagged));
    const found = role([allow('s3:*', [B, `${B}/*`])], text);
    expect(list(found)).toContain('error role-broad');
    expect(found.find(f => f.code === 'role-broad')?.what).toMatch(/more actions/);
  });

  test('is read as `get-bucket-policy --query Policy` prints it, a JSON text', () => {
    const text = JSON.stringify(JSON.stringify(document(...good().bucket)));
    expect(role(good().role, text)).toEqual([]);
  });

  test.each([`arn:aws:sts::${ACCOUNT}:assumed-role/agentkeys-data-role/*`, `arn:aws:iam::${ACCOUNT}:role/*`])(
    'with the principal %s is one that S3 refuses',
    principal => {
      expect(list(bucket(allow('s3:GetObject', `${B}/*`, { Principal: { AWS: principal } })))).toContain(
        'error policy-malformed',
      );
    },
  );
});

describe('a trust policy', () => {
  const [base = {}] = good().trust;
  const withCondition = (operator: string, key: string, value: unknown): Json[] => {
    const condition = base['Condition'] as Record<string, Json>;
    return [{ ...base, Condition: { ...condition, [operator]: { ...condition[operator], [key]: value } } }];
  };
  const one = configOf({ workloads: { 'scraper-a': WALLET_A } });

  test('with a second statement for another provider, by that provider’s own keys, is one warning', () => {
    const github = {
      Effect: 'Allow',
      Principal: { Federated: `arn:aws:iam::${ACCOUNT}:oidc-provider/token.actions.githubusercontent.com` },
      Action: 'sts:AssumeRoleWithWebIdentity',
      Condition: {
        StringEquals: { 'token.actions.githubusercontent.com:aud': 'sts.amazonaws.com' },
        StringLike: { 'token.actions.githubusercontent.com:sub': 'repo:org/repo:*' },
      },
    };
    expect(trust([base, github]).map(f => `${f.severity} ${f.code}`)).toEqual(['warning trust-two-principals']);
  });

  test('that demands aws:PrincipalOrgID is never met', () => {
    const found = trust(withCondition('StringEquals', 'aws:PrincipalOrgID', 'o-abc123'));
    expect(found).toMatchObject([
      { severity: 'error', code: 'trust-own-refused', what: expect.stringContaining('is never met') },
    ]);
  });

  test('that denies by StringNotEqualsIfExists aws:PrincipalOrgID always denies', () => {
    const deny = {
      Effect: 'Deny',
      Principal: '*',
      Action: 'sts:AssumeRoleWithWebIdentity',
      Condition: { StringNotEqualsIfExists: { 'aws:PrincipalOrgID': 'o-abc123' } },
    };
    expect(trust([base, deny])).toMatchObject([
      { severity: 'error', code: 'trust-own-refused', what: expect.stringContaining('aws:PrincipalOrgID is met') },
    ]);
  });

  const fileToken = (claims: Json): IdentityTokenConfig => {
    const path = join(folder, 'token');
    writeFileSync(path, new UnsecuredJWT({ iss: 'https://oidc.example.com', ...claims }).encode());
    return { kind: 'file', path, audience: 'sts.amazonaws.com' };
  };

  test('bound to the sub that the file’s token has, has no finding', () => {
    const sub = 'system:serviceaccount:bots:scraper';
    const identityToken = fileToken({ sub, 'https://aws.amazon.com/tags': { principal_tags: { [TAG]: [WALLET_A] } } });
    const config = configOf({ workloads: { 'scraper-a': WALLET_A }, identityToken });
    expect(trust(withCondition('StringEquals', 'oidc.example.com:sub', sub), config)).toEqual([]);
    expect(list(trust(withCondition('StringEquals', 'oidc.example.com:sub', 'another'), config))).toEqual([
      'error trust-own-refused',
    ]);
  });

  test('bound to the session name that is really sent has no finding', () => {
    expect(trust(withCondition('StringLike', 'sts:RoleSessionName', '*@scraper-a'), one)).toEqual([]);
    expect(list(trust(withCondition('StringLike', 'sts:RoleSessionName', '*@scraper-b'), one))).toEqual([
      'error trust-own-refused',
    ]);
  });

  test('that takes untagged tokens is what a workload with a session policy wants', () => {
    const statement = { ...base, Condition: { StringEquals: { 'oidc.example.com:aud': 'sts.amazonaws.com' } } };
    const config = configOf({ workloads: { 'scraper-a': WALLET_A }, identityToken: fileToken({ sub: 'x' }) });
    const [entry] = [...config.workloads];
    if (entry === undefined) throw new Error('no workload');
    const [name, found] = entry;
    const sessionPolicy = JSON.stringify(document(allow('s3:GetObject', `${B}/bots/${WALLET_A}/*`)));
    const workloads = new Map([[name, { ...found, workload: { ...found.workload, sessionPolicy } }]]);
    expect(trust([statement], { ...config, workloads })).toEqual([]);
    expect(list(trust([statement], one))).toContain('error trust-untagged');
  });

  test.each(['*', 'https://oidc.example.com', 'oidc.example.com'])('with Federated %s is malformed', federated => {
    expect(list(trust([{ ...base, Principal: { Federated: federated } }]))).toContain('error policy-malformed');
  });

  test.each([
    [2_048, []],
    [2_049, ['warning policy-size']],
    [8_192, ['warning policy-size']],
    [8_193, ['error policy-size']],
  ])('of %i characters: %j', (length, expected) => {
    const filled = (Sid: string) => document({ ...base, Sid });
    const Sid = 'x'.repeat(length - JSON.stringify(filled('')).length);
    expect(JSON.stringify(filled(Sid))).toHaveLength(length);
    expect(list(trust([{ ...base, Sid }]))).toEqual(expected);
  });

  test('of an issuer that ends in "/" is judged by that name, byte for byte', () => {
    const config = configOf({ issuer: 'https://oidc.example.com/' });
    expect(trust(good(config).trust, config)).toEqual([]);
    expect(list(trust([{ ...base, Principal: { Federated: PROVIDER } }], config))).toContain('error trust-provider');
  });
});
