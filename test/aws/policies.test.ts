/**
 * Every way in which trust, role and bucket policies are known to go wrong, set up and found.
 *
 * @module
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkGrants } from '../../src/aws/doctor/checks/grants.ts';
import { checkTrust } from '../../src/aws/doctor/checks/trust.ts';
import type { Finding } from '../../src/aws/doctor/finding.ts';
import { readPolicy } from '../../src/aws/doctor/policy/read.ts';
import type { PolicyKind } from '../../src/aws/iam/policy.ts';
import { type Plan, planOf } from '../../src/aws/plan.ts';
import { documentOf } from '../../src/aws/policy-document.ts';
import { setupOf } from '../../src/aws/setup/setup.ts';
import { codeUrl } from '../../src/package.ts';
import { type ConfigOptions, configOf, ROLE, TAG, WALLET_A } from './support.ts';

const place = { bucket: 'data', prefix: 'bots/' };
type Doc = Record<string, never> & { Statement: Record<string, never>[] };
// biome-ignore lint/suspicious/noExplicitAny: documents are bent into every shape here
type Bend = (document: any) => unknown;

function good(options: ConfigOptions = {}) {
  const setup = setupOf(configOf(options), place);
  const copy = (value: unknown): Doc => JSON.parse(JSON.stringify(value));
  return {
    plan: setup.plan,
    trust: copy(documentOf(setup.roles[0]?.trust ?? [])),
    role: copy(documentOf(setup.roles[0]?.permissions ?? [])),
    bucket: copy(documentOf(setup.bucketPolicy)),
  };
}

const codes = (findings: readonly Finding[]) => [...new Set(findings.map(f => `${f.severity} ${f.code}`))];

function trustFindings(bend: Bend | undefined, plan: Plan = good().plan): Finding[] {
  const { trust } = good();
  const read = readPolicy(JSON.stringify(bend?.(trust) ?? trust), 'trust', 'trust.json');
  const tags = checkGrants(
    { role: { ...read, statements: [] }, roleName: 'trust.json', bucketName: '' },
    plan,
    undefined,
  );
  return [...read.findings, ...checkTrust(read, plan, 'trust.json'), ...tags];
}

function grantFindings(bendRole: Bend | undefined, bendBucket: Bend | null | undefined = undefined): Finding[] {
  const { role, bucket, plan } = good();
  const r = readPolicy(JSON.stringify(bendRole?.(role) ?? role), 'identity', 'role.json');
  const b =
    bendBucket === null
      ? undefined
      : readPolicy(JSON.stringify(bendBucket?.(bucket) ?? bucket), 'resource', 'bucket.json');
  const grants = {
    role: r,
    ...(b === undefined ? {} : { bucket: b }),
    roleName: 'role.json',
    bucketName: 'bucket.json',
  };
  return [...r.findings, ...(b?.findings ?? []), ...checkGrants(grants, plan, place)];
}

test('what aws-setup prints has no finding, in either dialect', () => {
  expect(trustFindings(undefined)).toEqual([]);
  expect(grantFindings(undefined)).toEqual([]);
  const config = configOf({ roleArn: 'arn:aws:iam:::role/data', issuer: 'http://127.0.0.1:9', tags: { team: 'x' } });
  const ceph = setupOf(config, { ...place, dialect: 'ceph' });
  const read = (value: Parameters<typeof documentOf>[0], kind: PolicyKind) =>
    readPolicy(JSON.stringify(documentOf(value)), kind, kind);
  const trust = read(ceph.roles[0]?.trust ?? [], 'trust');
  expect([...trust.findings, ...checkTrust(trust, ceph.plan, 't')]).toEqual([]);
  const grants = {
    role: read(ceph.roles[0]?.permissions ?? [], 'identity'),
    bucket: read(ceph.bucketPolicy, 'resource'),
    roleName: 'r',
    bucketName: 'b',
  };
  expect(checkGrants(grants, ceph.plan, place)).toEqual([]);
});

const condition =
  (bend: Bend): Bend =>
  doc =>
    bend(doc.Statement[0].Condition);

describe('the trust policy', () => {
  const cases: [string, Bend, string][] = [
    [
      'guards the tag by StringNotEquals "", which is true without a tag',
      condition(c => {
        delete c.Null;
        delete c.StringLike;
        c.StringNotEquals = { [`aws:RequestTag/${TAG}`]: '' };
      }),
      'error trust-string-not-equals',
    ],
    [
      'demands no tag',
      condition(c => {
        delete c.Null;
        delete c.StringLike;
      }),
      'error trust-untagged',
    ],
    [
      'demands the tag only if it exists',
      condition(c => {
        delete c.Null;
        c.StringLikeIfExists = c.StringLike;
        delete c.StringLike;
      }),
      'error trust-untagged',
    ],
    ['takes any text for a wallet', condition(c => void delete c.StringLike), 'warning trust-wallet-form'],
    [
      'lacks sts:TagSession',
      d => {
        d.Statement[0].Action = 'sts:AssumeRoleWithWebIdentity';
      },
      'error trust-tag-session',
    ],
    [
      'trusts an IAM user beside the provider',
      d =>
        void d.Statement.push({
          Effect: 'Allow',
          Principal: { AWS: 'arn:aws:iam::123456789012:user/broker' },
          Action: 'sts:AssumeRole',
        }),
      'error trust-two-principals',
    ],
    [
      'trusts an IAM user in the same statement',
      d => {
        d.Statement[0].Principal.AWS = ['arn:aws:iam::123456789012:root'];
      },
      'error trust-two-principals',
    ],
    [
      'trusts anybody',
      d => {
        d.Statement[0].Principal = '*';
      },
      'error trust-two-principals',
    ],
    [
      'names the provider with its scheme',
      d => {
        d.Statement[0].Principal.Federated = 'arn:aws:iam::123456789012:oidc-provider/https://oidc.example.com';
      },
      'error trust-provider',
    ],
    [
      'names the provider with a slash',
      d => {
        d.Statement[0].Principal.Federated += '/';
      },
      'error trust-provider',
    ],
    [
      'names another provider',
      d => {
        d.Statement[0].Principal.Federated = 'arn:aws:iam::123456789012:oidc-provider/other.example';
      },
      'error trust-provider',
    ],
    [
      'wants another audience',
      condition(c => {
        c.StringEquals['oidc.example.com:aud'] = 'walletcreds';
      }),
      'error trust-audience',
    ],
    ['asks for no audience', condition(c => void delete c.StringEquals), 'warning trust-audience-open'],
    [
      'writes the condition key with the scheme',
      condition(c => {
        c.StringEquals = { 'https://oidc.example.com:aud': 'sts.amazonaws.com' };
      }),
      'error trust-condition-key',
    ],
    [
      'wants another subject',
      condition(c => {
        c.StringEquals['oidc.example.com:sub'] = 'somebody';
      }),
      'error trust-own-refused',
    ],
    [
      'writes the wallet in mixed case',
      condition(c => {
        c.StringLike = { [`aws:RequestTag/${TAG}`]: '0x52908400098527886E0F7030069857D2E4169EE7' };
      }),
      'error wallet-case',
    ],
    [
      'asks for a tag by another name',
      condition(c => {
        c.Null = { 'aws:RequestTag/wallet': 'false' };
      }),
      'error trust-own-refused',
    ],
    [
      'came with a role that carries the wallet tag',
      d => ({ Role: { AssumeRolePolicyDocument: d, Tags: [{ Key: TAG.toUpperCase(), Value: WALLET_A }] } }),
      'error role-tagged',
    ],
  ];
  test.each(cases)('%s', (_, bend, expected) => {
    const found = trustFindings(bend);
    expect(codes(found)).toContain(expected);
    for (const f of found) {
      expect(f.where).toContain('trust.json');
      expect(f.fix.length).toBeGreaterThan(10);
      expect(f.link).toBe(codeUrl(f.code));
    }
  });
  test('with Null "false" is wrong for Ceph', () => {
    const config = configOf({ roleArn: 'arn:aws:iam:::role/data' });
    const plan = planOf(config, { dialect: 'ceph' });
    const text = JSON.stringify(good().trust).replaceAll('iam::123456789012:oidc', 'iam:::oidc');
    expect(codes(checkTrust(readPolicy(text, 'trust', 't'), plan, 't'))).toContain('error trust-null-on-ceph');
  });
  test('binding session and subject is no fault', () => {
    const setup = setupOf(configOf(), { ...place, bindSession: true });
    const read = readPolicy(JSON.stringify(documentOf(setup.roles[0]?.trust ?? [])), 'trust', 't');
    expect(checkTrust(read, setup.plan, 't')).toEqual([]);
  });
});

const broad = { Sid: 'Left', Effect: 'Allow', Action: 's3:*', Resource: '*' };

describe('the permissions', () => {
  const cases: [string, Bend | undefined, Bend | null | undefined, string][] = [
    ['a broad s3:* that nothing stands against', d => void d.Statement.push(broad), null, 'error role-broad'],
    [
      'a broad s3:* on the bucket that only the bucket stands against',
      d => void d.Statement.push({ ...broad, Resource: ['arn:aws:s3:::data', 'arn:aws:s3:::data/*'] }),
      undefined,
      'warning role-broad',
    ],
    [
      'a broad s3:* on everything, whose account-wide actions no bucket stands against',
      d => void d.Statement.push(broad),
      undefined,
      'error role-broad',
    ],
    [
      'a grant on the whole bucket',
      d => void d.Statement.push({ Effect: 'Allow', Action: ['s3:Get*'], Resource: 'arn:aws:s3:::data/*' }),
      null,
      'error role-broad',
    ],
    [
      'a prefix without its slash, so that a wallet that begins alike opens',
      d => JSON.parse(JSON.stringify(d).replaceAll(`${TAG}}/*`, `${TAG}}*`)),
      null,
      'error role-broad',
    ],
    [
      'an Allow by what it leaves out',
      d => void d.Statement.push({ Effect: 'Allow', NotAction: 'iam:*', Resource: '*' }),
      undefined,
      'warning role-negated',
    ],
    [
      'one statement for listing and objects under s3:prefix',
      d =>
        void d.Statement.splice(0, 2, {
          ...d.Statement[0],
          Action: ['s3:ListBucket', 's3:GetObject'],
          Resource: ['arn:aws:s3:::data', 'arn:aws:s3:::data/*'],
        }),
      null,
      'error role-prefix-on-objects',
    ],
    [
      'StringEquals on the prefix',
      d => {
        d.Statement[0].Condition = { StringEquals: { 's3:prefix': `bots/\${aws:PrincipalTag/${TAG}}/` } };
      },
      null,
      'error role-prefix-equals',
    ],
    [
      'another tag than the tokens carry',
      d => JSON.parse(JSON.stringify(d).replaceAll(TAG, 'wallet')),
      null,
      'error role-other-tag',
    ],
    ['no grant at all for objects', d => void d.Statement.pop(), null, 'error role-own-denied'],
    [
      'a wallet in mixed case',
      d =>
        JSON.parse(
          JSON.stringify(d).replaceAll(`\${aws:PrincipalTag/${TAG}}`, '0x52908400098527886E0F7030069857D2E4169EE7'),
        ),
      null,
      'error wallet-case',
    ],
    [
      'policy variables before version 2012-10-17',
      d => {
        d.Version = '2008-10-17';
      },
      null,
      'error policy-version',
    ],
    [
      'a bucket that opens itself to everybody',
      undefined,
      d =>
        void d.Statement.splice(0, 9, {
          Effect: 'Allow',
          Principal: '*',
          Action: 's3:GetObject',
          Resource: 'arn:aws:s3:::data/*',
        }),
      'error bucket-broad',
    ],
    [
      'a bucket that refuses nothing',
      undefined,
      d =>
        void d.Statement.splice(0, 9, {
          Effect: 'Deny',
          Principal: '*',
          Action: 's3:*',
          Resource: 'arn:aws:s3:::data/*',
          Condition: { Bool: { 'aws:SecureTransport': 'false' } },
        }),
      'warning bucket-no-deny',
    ],
    ['a bucket that forgets sessions without a tag', undefined, d => void d.Statement.pop(), 'warning bucket-untagged'],
    [
      'a bucket that shuts the own folder',
      undefined,
      d =>
        void d.Statement.push({
          Effect: 'Deny',
          Principal: { AWS: ROLE },
          Action: 's3:GetObject',
          Resource: 'arn:aws:s3:::data/*',
        }),
      'error bucket-own-denied',
    ],
    [
      'a bucket whose Deny names a role that was made again',
      undefined,
      d => {
        d.Statement[0].Principal = { AWS: 'AROAEXAMPLEID0000' };
      },
      'error bucket-stale-principal',
    ],
  ];
  test.each(cases)('%s', (_, role, bucket, expected) => {
    expect(codes(grantFindings(role, bucket))).toContain(expected);
  });
});

describe('a document that is hardly one', () => {
  const malformed = 'error policy-malformed';
  const statement = (more: string) => `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*",${more}}}`;
  const codesOf = (text: string) => codes(readPolicy(text, 'identity', 'p.json').findings);
  test.each([
    ['nothing', '', 'error policy-not-json'],
    ['HTML', '<html>', 'error policy-not-json'],
    ['half a policy', '{"Statement": [', 'error policy-not-json'],
    ['ten megabytes', 'x'.repeat(10_000_000), 'error policy-too-large'],
    ['a number', '7', 'error policy-malformed'],
    ['null', 'null', 'error policy-malformed'],
    ['an array', '[]', 'error policy-malformed'],
    ['no statement', '{"Version":"2012-10-17"}', 'error policy-malformed'],
    ['a statement that is text', '{"Version":"2012-10-17","Statement":["x"]}', 'error policy-malformed'],
    [
      'an effect that is none',
      '{"Version":"2012-10-17","Statement":{"Effect":"allow","Action":"s3:*"}}',
      'error policy-malformed',
    ],
    [
      'other-case keys',
      '{"version":"2012-10-17","statement":{"effect":"Allow","action":"s3:*"}}',
      'error policy-key-case',
    ],
    [
      'unknown operators',
      '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Condition":{"StringIsh":{"a":"b"}}}}',
      'error policy-operator-unknown',
    ],
    [
      'an element of its own',
      '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Comment":"x"}}',
      'error policy-malformed',
    ],
    ['lists nested thousands deep', `{"Statement":${'['.repeat(45_000)}${']'.repeat(45_000)}}`, malformed],
    ['an Allow by NotPrincipal', statement('"NotPrincipal":{"AWS":"123456789012"}'), malformed],
    ['a kind of principal in another case', statement('"Principal":{"aws":"*"}'), malformed],
    ['a principal that is no text', statement('"Principal":{"AWS":["123456789012",5]}'), malformed],
    ['an empty list of actions', '{"Statement":{"Effect":"Allow","Action":[],"Resource":"*"}}', malformed],
    ['an empty list of resources', statement('"Resource":[]'), malformed],
    [
      'an action without its service',
      '{"Statement":{"Effect":"Allow","Action":"GetObject","Resource":"*"}}',
      malformed,
    ],
    ['Null that asks for neither', statement('"Resource":"*","Condition":{"Null":{"aws:TagKeys":"no"}}'), malformed],
    [
      'Null with IfExists',
      statement('"Resource":"*","Condition":{"NullIfExists":{"aws:TagKeys":"true"}}'),
      'error policy-operator-unknown',
    ],
    [
      'two statements of one Sid',
      `{"Statement":[${[1, 2].map(() => '{"Sid":"A","Effect":"Allow","Action":"*","Resource":"*"}')}]}`,
      malformed,
    ],
    ['both Resource and NotResource', statement('"Resource":"*","NotResource":"*"'), malformed],
  ])('%s', (_, text, expected) => {
    expect(codesOf(text)).toContain(expected);
  });
  test.each([
    ['every action', statement('"Resource":"*"').replace('s3:*', '*')],
    ['Null by a boolean', statement('"Resource":"*","Condition":{"Null":{"aws:TagKeys":true}}')],
    [
      'statements without a Sid',
      '{"Statement":[{"Sid":"","Effect":"Deny","Action":"*","Resource":"*"},{"Sid":"","Effect":"Deny","Action":"*","Resource":"*"}]}',
    ],
  ])('%s is no fault of form', (_, text) => {
    expect(codesOf(text)).toEqual([]);
  });
  test('a byte order mark is found, and the policy is judged all the same', () => {
    const read = readPolicy(`\uFEFF${JSON.stringify(good().trust)}`, 'trust', 'p.json');
    expect(codes(read.findings)).toEqual(['warning policy-bom']);
    expect(read.statements).toHaveLength(1);
  });
  test('arrays where strings are usual, and strings where arrays are, are legal', () => {
    const { trust, role } = good();
    const first = trust.Statement[0] as unknown as {
      Principal: { Federated: unknown };
      Condition: { Null: Record<string, unknown> };
    };
    first.Principal.Federated = [first.Principal.Federated];
    first.Condition.Null[`aws:RequestTag/${TAG}`] = ['false'];
    expect(trustFindings(() => trust)).toEqual([]);
    expect(grantFindings(() => ({ ...role, Statement: [...role.Statement] }))).toEqual([]);
    expect(readPolicy(JSON.stringify({ ...role, Statement: role.Statement[0] }), 'identity', 'p').findings).toEqual([]);
  });
  test('keys of conditions are read in any case, as IAM does', () => {
    const text = JSON.stringify(good().trust).replaceAll('aws:RequestTag', 'AWS:requesttag');
    expect(checkTrust(readPolicy(text, 'trust', 't'), good().plan, 't')).toEqual([]);
  });
  test('what the AWS CLI prints around a policy is taken off', () => {
    const { bucket } = good();
    expect(readPolicy(JSON.stringify({ Policy: JSON.stringify(bucket) }), 'resource', 'p').statements).toHaveLength(4);
    const version = { PolicyVersion: { Document: encodeURIComponent(JSON.stringify(bucket)), VersionId: 'v1' } };
    expect(readPolicy(JSON.stringify(version), 'resource', 'p').statements).toHaveLength(4);
  });
  test('no JSON makes it throw', () => {
    const { plan } = good();
    fc.assert(
      fc.property(fc.jsonValue(), value => {
        for (const text of [JSON.stringify(value), JSON.stringify({ Version: '2012-10-17', Statement: value })]) {
          for (const kind of ['trust', 'identity', 'resource'] as const) {
            const read = readPolicy(text, kind, 'p');
            checkTrust(read, plan, 'p');
            checkGrants({ role: read, bucket: read, roleName: 'p', bucketName: 'p' }, plan, place);
          }
        }
      }),
      { numRuns: 100 },
    );
  });
});
