/**
 * Where a policy lets more happen than it seems to: each is found, and a Deny is believed only where it surely holds.
 *
 * @module
 */
import { describe, expect, test } from 'vitest';
import { checkGrants } from '../../src/aws/doctor/checks/grants.ts';
import { checkTrust } from '../../src/aws/doctor/checks/trust.ts';
import type { Finding } from '../../src/aws/doctor/finding.ts';
import { readPolicy } from '../../src/aws/doctor/policy/read.ts';
import type { PolicyKind } from '../../src/aws/iam/policy.ts';
import { documentOf } from '../../src/aws/policy-document.ts';
import { setupOf } from '../../src/aws/setup/setup.ts';
import { type ConfigOptions, configOf, ROLE, TAG } from './support.ts';

const place = { bucket: 'data', prefix: 'bots/' };
const VARIABLE = `\${aws:PrincipalTag/${TAG}}`;
// biome-ignore lint/suspicious/noExplicitAny: documents are bent into every shape here
type Bend = (document: any) => unknown;
const codes = (findings: readonly Finding[]) => [...new Set(findings.map(f => `${f.severity} ${f.code}`))];

function grants(bendRole: Bend | undefined, bendBucket: Bend | undefined | null, options: ConfigOptions = {}) {
  const setup = setupOf(configOf(options), place);
  const bent = (bend: Bend | undefined, value: unknown, kind: PolicyKind, name: string) => {
    const copy = JSON.parse(JSON.stringify(value));
    return readPolicy(JSON.stringify(bend?.(copy) ?? copy), kind, name);
  };
  const role = bent(bendRole, documentOf(setup.roles[0]?.permissions ?? []), 'identity', 'role.json');
  const bucket =
    bendBucket === null ? undefined : bent(bendBucket, documentOf(setup.bucketPolicy), 'resource', 'bucket.json');
  const given = { role, ...(bucket === undefined ? {} : { bucket }), roleName: 'role.json', bucketName: 'bucket.json' };
  return codes([...role.findings, ...(bucket?.findings ?? []), ...checkGrants(given, setup.plan, place)]);
}

function trust(bend: Bend, options: ConfigOptions = {}) {
  const setup = setupOf(configOf(options), place);
  const copy = JSON.parse(JSON.stringify(documentOf(setup.roles[0]?.trust ?? [])));
  const read = readPolicy(JSON.stringify(bend(copy) ?? copy), 'trust', 'trust.json');
  return codes([...read.findings, ...checkTrust(read, setup.plan, 'trust.json')]);
}

const add =
  (...statements: Record<string, unknown>[]): Bend =>
  document =>
    void document.Statement.push(...statements);

describe('a grant too much is found', () => {
  const all = { Effect: 'Allow', Resource: '*' };
  const cases: [string, Record<string, unknown>][] = [
    ["deleting others' objects", { ...all, Action: 's3:DeleteObject' }],
    ["reading others' old versions", { ...all, Action: 's3:GetObjectVersion' }],
    ["deleting others' old versions", { ...all, Action: 's3:DeleteObjectVersion' }],
    ["opening others' objects to the world", { ...all, Action: 's3:PutObjectAcl' }],
    ["listing others' versions", { ...all, Action: 's3:ListBucketVersions' }],
    ["listing others' uploads", { ...all, Action: 's3:ListBucketMultipartUploads' }],
    ["replacing the bucket's policy", { ...all, Action: 's3:PutBucketPolicy' }],
    ["removing the bucket's policy", { ...all, Action: 's3:DeleteBucketPolicy' }],
    ['granting itself more', { ...all, Action: 'iam:PutRolePolicy' }],
    ['trusting others', { ...all, Action: 'iam:UpdateAssumeRolePolicy' }],
    [
      'listing the folder of folders',
      {
        Effect: 'Allow',
        Action: 's3:ListBucket',
        Resource: 'arn:aws:s3:::data',
        Condition: { StringLike: { 's3:prefix': ['', 'bots/', `bots/${VARIABLE}/*`] } },
      },
    ],
    [
      'under a tag that the tokens carry as well',
      { ...all, Action: 's3:*', Condition: { StringEquals: { 'aws:PrincipalTag/team': 'ingest' } } },
    ],
    [
      "under a key of the issuer's that every session has",
      { ...all, Action: 's3:*', Condition: { StringEquals: { 'oidc.example.com:aud': 'sts.amazonaws.com' } } },
    ],
    [
      'where a condition is negated and its variable has no value',
      { ...all, Action: 's3:*', Condition: { StringNotLike: { 's3:prefix': '${aws:PrincipalTag/none}/*' } } },
    ],
  ];
  test.each(cases)('%s', (_, statement) => {
    expect(grants(add(statement), null, { tags: { team: 'ingest' } })).toContain('error role-broad');
  });

  test('through the bucket, by the federation itself as principal', () => {
    const statement = {
      Effect: 'Allow',
      Principal: { Federated: 'arn:aws:iam::123456789012:oidc-provider/oidc.example.com' },
      Action: 's3:GetObject',
      Resource: 'arn:aws:s3:::data/*',
    };
    expect(grants(undefined, d => ({ ...d, Statement: [statement] }))).toContain('error bucket-broad');
  });
});

describe('a Deny that may not hold is not counted on', () => {
  test('one that names only one of two roles', () => {
    const other = 'arn:aws:iam::123456789012:role/other';
    const options = { roles: { 'scraper-b': other } };
    expect(grants(undefined, undefined, options)).toEqual([]);
    const alone: Bend = d => JSON.parse(JSON.stringify(d).replaceAll(JSON.stringify([ROLE, other]), `"${ROLE}"`));
    expect(grants(undefined, alone, options)).toEqual(['warning bucket-no-deny']);
  });
  test('one whose variable is plain text, in a policy of version 2008-10-17', () => {
    const found = grants(undefined, d => ({ ...d, Version: '2008-10-17' }));
    expect(found).toContain('error policy-version');
    expect(found).toContain('error bucket-own-denied');
  });
  test('one with a variable that has no value, in either direction', () => {
    const listing = (d: { Statement: { Sid: string }[] }) => ({
      ...d,
      Statement: [
        ...d.Statement.filter(s => s.Sid !== 'WalletcredsNothingWithoutAWallet'),
        {
          Effect: 'Deny',
          Principal: { AWS: ROLE },
          Action: 's3:*Object',
          Resource: 'arn:aws:s3:::data/*',
          Condition: { Null: { [`aws:PrincipalTag/${TAG}`]: 'true' } },
        },
        {
          Effect: 'Deny',
          Principal: { AWS: ROLE },
          Action: ['s3:*Object*', 's3:Delete*', 's3:Put*', 's3:ListBucketMultipartUploads'],
          Resource: ['arn:aws:s3:::data/*', 'arn:aws:s3:::data'],
          Condition: { Null: { [`aws:PrincipalTag/${TAG}`]: 'true' } },
        },
      ],
    });
    // Only the Deny with StringNotLike "${…}" is left against an untagged listing.
    expect(grants(undefined, listing)).toEqual(['warning bucket-untagged']);
  });
});

test('a Deny on the whole account is a Deny on its roles', () => {
  const account: Bend = d => JSON.parse(JSON.stringify(d).replaceAll(ROLE, 'arn:aws:iam::123456789012:root'));
  expect(grants(undefined, account)).toEqual([]);
});

test('version 2008-10-17, or none, is no fault where no variable stands in the policy', () => {
  const plain = { Statement: { Effect: 'Deny', Principal: '*', Action: 's3:*', Resource: 'arn:aws:s3:::data/*' } };
  expect(readPolicy(JSON.stringify(plain), 'resource', 'p').findings).toEqual([]);
});

describe('the trust policy', () => {
  test('that guards by the subject alone takes a token without a wallet', () => {
    const bend: Bend = d => {
      d.Statement[0].Condition = {
        StringEquals: { 'oidc.example.com:aud': 'sts.amazonaws.com' },
        StringLike: { 'oidc.example.com:sub': 'agentkeys:agent:*' },
      };
    };
    expect(trust(bend)).toContain('error trust-untagged');
  });
  test('that allows sts:TagSession only under a condition that is never met', () => {
    const bend: Bend = d => {
      d.Statement[0].Action = 'sts:AssumeRoleWithWebIdentity';
      d.Statement.push({
        ...d.Statement[0],
        Action: 'sts:TagSession',
        Condition: { StringEquals: { 'aws:RequestTag/other': 'x' } },
      });
    };
    expect(trust(bend)).toContain('error trust-tag-session');
  });
  test('that denies sts:TagSession', () => {
    const bend = add({ Effect: 'Deny', Principal: '*', Action: 'sts:TagSession' });
    expect(trust(bend)).toContain('error trust-tag-session');
  });
  test('that asks for a further tag of the configuration is no fault', () => {
    const bend: Bend = d => {
      d.Statement[0].Condition.StringEquals['aws:RequestTag/team'] = 'ingest';
    };
    expect(trust(bend, { tags: { team: 'ingest' } })).toEqual([]);
  });
});

describe('what IAM or S3 would not take', () => {
  const bad = 'error policy-malformed';
  test('no statements at all', () => {
    const empty: Bend = d => ({ ...d, Statement: [] });
    expect(trust(empty)).toContain(bad);
    expect(grants(empty, null)).toContain(bad);
  });
  test('a member that stands twice, of which the last would count', () => {
    const text = `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Effect":"Allow","Action":"s3:*","Resource":"*"}}`;
    expect(codes(readPolicy(text, 'identity', 'p').findings)).toContain(bad);
    const wrapped = JSON.stringify({ Policy: text });
    expect(codes(readPolicy(wrapped, 'identity', 'p').findings)).toContain(bad);
  });
  test('a bucket policy without a principal, and a role policy with one', () => {
    expect(grants(undefined, d => void delete d.Statement[3].Principal)).toContain(bad);
    expect(grants(d => Object.assign(d.Statement[0], { Principal: '*' }) && undefined, null)).toContain(bad);
  });
  test('a role or bucket policy without a resource, and a trust policy with one', () => {
    expect(grants(undefined, d => void delete d.Statement[3].Resource)).toContain(bad);
    expect(grants(d => void delete d.Statement[1].Resource, null)).toContain(bad);
    expect(trust(d => Object.assign(d.Statement[0], { Resource: '*' }) && undefined)).toContain(bad);
  });
  test('a trust policy with an action that is not of STS, as IAM refuses it', () => {
    expect(trust(d => void Object.assign(d.Statement[0], { Action: '*' }))).toContain('error policy-malformed');
    expect(trust(add({ Effect: 'Deny', Principal: '*', Action: ['s3:GetObject'] }))).toContain(
      'error policy-malformed',
    );
  });
  test('a trust policy without a principal', () => {
    expect(trust(d => void delete d.Statement[0].Principal)).toContain(bad);
  });
});

test('a document in percent encoding, as IAM sends it, is read', () => {
  const setup = setupOf(configOf(), place);
  const text = JSON.stringify(documentOf(setup.roles[0]?.permissions ?? []), null, 1);
  expect(readPolicy(encodeURIComponent(text), 'identity', 'p')).toMatchObject({ findings: [], statements: [{}, {}] });
  const wrapped = { PolicyDocument: encodeURIComponent(` ${text}`) };
  expect(readPolicy(JSON.stringify(wrapped), 'identity', 'p')).toMatchObject({ findings: [], statements: [{}, {}] });
});

test('of a hundred wallets written out, each is asked for', () => {
  const workloads = Object.fromEntries(
    Array.from({ length: 120 }, (_, i) => [`w${i}`, `0x${i.toString(16).padStart(40, '0')}`]),
  );
  const last = Object.values(workloads).at(-1) ?? '';
  const statement = {
    Effect: 'Allow',
    Action: 's3:GetObject',
    Resource: 'arn:aws:s3:::data/*',
    Condition: { StringEquals: { [`aws:PrincipalTag/${TAG}`]: last } },
  };
  expect(grants(add(statement), null, { workloads })).toContain('error role-broad');
});
