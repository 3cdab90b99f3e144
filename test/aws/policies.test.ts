/**
 * Every way in which trust, role and bucket policies are known to go wrong, set up and found.
 *
 * @module
 */
import { describe, expect, test } from 'vitest';
import { checkGrants } from '../../src/aws/doctor/checks/grants.ts';
import { checkTrust } from '../../src/aws/doctor/checks/trust.ts';
import { readPolicy } from '../../src/aws/doctor/policy/read.ts';
import type { PolicyKind } from '../../src/aws/iam/policy.ts';
import { planOf } from '../../src/aws/plan.ts';
import { documentOf } from '../../src/aws/policy-document.ts';
import { setupOf } from '../../src/aws/setup/setup.ts';
import { codeUrl } from '../../src/package.ts';
import { type Bend, codes, good, grantFindings, place, trustFindings } from './policy-findings.ts';
import { configOf, ROLE, TAG, WALLET_A } from './support.ts';

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
