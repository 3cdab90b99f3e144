/**
 * The isolation questions, asked of a simulator of IAM that nobody here wrote.
 *
 * @module
 */
import fc from 'fast-check';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { documentOf, type PolicyDocument } from '../../src/aws/policy-document.ts';
import { revocationOf, type SetupOptions, setupOf } from '../../src/aws/setup/setup.ts';
import { configOf, ROLE, TAG, WALLET_A, WALLET_B } from './support.ts';
import { tools } from './tools.ts';

type Simulate = (
  simulation: unknown,
  options: unknown,
) => Promise<{ resultType: string; overallResult?: string; errors?: unknown }>;

const ACCOUNT = '123456789012';
const SESSION = `arn:aws:sts::${ACCOUNT}:assumed-role/agentkeys-data-role/session`;
const BROAD: PolicyDocument = {
  Version: '2012-10-17',
  Statement: [{ Sid: 'Left', Effect: 'Allow', Action: 's3:*', Resource: '*' }],
};

let simulate: Simulate | undefined;
let missing = '';

beforeAll(async () => {
  const found = await tools();
  if ('missing' in found) {
    missing = `iam-simulate can't be asked: ${found.missing}`;
    console.warn(`SKIPPED test/aws/isolation: ${missing}`);
  } else {
    simulate = (found.require('@cloud-copilot/iam-simulate') as { runSimulation: Simulate }).runSimulation;
  }
}, 60_000);

beforeEach(context => context.skip(simulate === undefined, missing));

interface Question {
  readonly action: string;
  readonly resource: string;
  readonly wallet?: string | undefined;
  readonly prefix?: string;
  readonly broad?: boolean;
  readonly sourceIp?: string;
  readonly issued?: string;
  readonly extra?: PolicyDocument;
  readonly options?: Partial<SetupOptions>;
}

const place = { bucket: 'agentkeys', prefix: 'bots/' };

async function ask(question: Question): Promise<string> {
  if (simulate === undefined) throw new Error(missing);
  const setup = setupOf(configOf(), { ...place, ...question.options });
  const role = documentOf(setup.roles[0]?.permissions ?? []);
  const identity = [
    role,
    ...(question.broad === true ? [BROAD] : []),
    ...(question.extra === undefined ? [] : [question.extra]),
  ];
  const result = await simulate(
    {
      request: {
        principal: SESSION,
        action: question.action,
        resource: { resource: question.resource, accountId: ACCOUNT },
        contextVariables: {
          ...(question.wallet === undefined ? {} : { [`aws:PrincipalTag/${TAG}`]: question.wallet }),
          ...(question.prefix === undefined ? {} : { 's3:prefix': question.prefix }),
          'aws:SourceIp': question.sourceIp ?? '203.0.113.7',
          'aws:ViaAWSService': 'false',
          'aws:TokenIssueTime': question.issued ?? '2026-01-01T00:00:00Z',
        },
      },
      identityPolicies: identity.map((policy, i) => ({ name: `p${i}`, policy })),
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      resourcePolicy: documentOf(setup.bucketPolicy),
    },
    {},
  );
  if (result.resultType === 'error') throw new Error(JSON.stringify(result.errors));
  return result.overallResult ?? '';
}

const bucket = 'arn:aws:s3:::agentkeys';
const object = (key: string) => `${bucket}/${key}`;
const own = `bots/${WALLET_A}/`;

describe.each([{ broad: false }, { broad: true }])('with s3:* left on the role: $broad', ({ broad }) => {
  const allowed: [string, Question][] = [
    ['lists its own folder', { action: 's3:ListBucket', resource: bucket, prefix: own }],
    ['lists below its own folder', { action: 's3:ListBucket', resource: bucket, prefix: `${own}2026/` }],
    ['reads its own objects', { action: 's3:GetObject', resource: object(`${own}a/b.json`) }],
    ['writes its own objects', { action: 's3:PutObject', resource: object(`${own}a`) }],
    ['deletes its own objects', { action: 's3:DeleteObject', resource: object(`${own}a`) }],
  ];
  test.each(allowed)('a wallet %s', async (_, question) => {
    expect(await ask({ ...question, wallet: WALLET_A, broad })).toBe('Allowed');
  });

  const denied: [string, Question][] = [
    ["lists another wallet's folder", { action: 's3:ListBucket', resource: bucket, prefix: `bots/${WALLET_B}/` }],
    ['lists 0xdeadbeef/', { action: 's3:ListBucket', resource: bucket, prefix: 'bots/0xdeadbeef/' }],
    [
      'lists a wallet that merely begins the same',
      { action: 's3:ListBucket', resource: bucket, prefix: `bots/${WALLET_A}0/` },
    ],
    ['lists its own name without the slash', { action: 's3:ListBucket', resource: bucket, prefix: `bots/${WALLET_A}` }],
    ["lists the bucket's root", { action: 's3:ListBucket', resource: bucket }],
    ['lists the folder of folders', { action: 's3:ListBucket', resource: bucket, prefix: 'bots/' }],
    ['lists an empty prefix', { action: 's3:ListBucket', resource: bucket, prefix: '' }],
    [
      "lists another wallet's versions",
      { action: 's3:ListBucketVersions', resource: bucket, prefix: `bots/${WALLET_B}/` },
    ],
    ["reads another wallet's object", { action: 's3:GetObject', resource: object(`bots/${WALLET_B}/a`) }],
    ["reads another wallet's old version", { action: 's3:GetObjectVersion', resource: object(`bots/${WALLET_B}/a`) }],
    ["writes another wallet's object", { action: 's3:PutObject', resource: object(`bots/${WALLET_B}/a`) }],
    ["deletes another wallet's object", { action: 's3:DeleteObject', resource: object(`bots/${WALLET_B}/a`) }],
    [
      'reads of a wallet that merely begins the same',
      { action: 's3:GetObject', resource: object(`bots/${WALLET_A}0/a`) },
    ],
    ['reads outside the prefix', { action: 's3:GetObject', resource: object(`${WALLET_A}/a`) }],
    ['reads at the root', { action: 's3:GetObject', resource: object('a') }],
    ["replaces the bucket's policy", { action: 's3:PutBucketPolicy', resource: bucket }],
    ["removes the bucket's policy", { action: 's3:DeleteBucketPolicy', resource: bucket }],
    ["lists others' uploads", { action: 's3:ListBucketMultipartUploads', resource: bucket }],
  ];
  test.each(denied)('no wallet %s', async (_, question) => {
    expect(await ask({ ...question, wallet: WALLET_A, broad })).not.toBe('Allowed');
  });

  test.each([...allowed, ...denied])('a session without a tag never %s', async (_, question) => {
    expect(await ask({ ...question, broad })).not.toBe('Allowed');
  });

  test('no key outside the own folder opens, whatever it is made of', async () => {
    const part = fc.constantFrom('bots', WALLET_A, WALLET_B, `${WALLET_A}0`, '0xdeadbeef', '..', 'a', ' ', '%2f');
    const keys = fc.array(part, { minLength: 1, maxLength: 4 }).map(parts => parts.join('/'));
    await fc.assert(
      fc.asyncProperty(keys, async key => {
        const answer = await ask({ action: 's3:GetObject', resource: object(key), wallet: WALLET_A, broad });
        expect(answer === 'Allowed', key).toBe(key.startsWith(own));
      }),
      { numRuns: 60 },
    );
  });
});

test('another bucket is not opened by the role, and not shut by the policy of this one', async () => {
  const setup = setupOf(configOf(), place);
  const request = (identity: PolicyDocument) => ({
    request: {
      principal: SESSION,
      action: 's3:GetObject',
      resource: { resource: `arn:aws:s3:::other/${own}a`, accountId: ACCOUNT },
      contextVariables: { [`aws:PrincipalTag/${TAG}`]: WALLET_A },
    },
    identityPolicies: [{ name: 'p', policy: identity }],
    serviceControlPolicies: [],
    resourceControlPolicies: [],
  });
  if (simulate === undefined) throw new Error(missing);
  const asked = simulate;
  expect((await asked(request(documentOf(setup.roles[0]?.permissions ?? [])), {})).overallResult).toBe(
    'ImplicitlyDenied',
  );
  expect((await asked(request(BROAD), {})).overallResult).toBe('Allowed');
});

test('with --source-ip the credentials are of no use from elsewhere', async () => {
  const question = {
    action: 's3:GetObject',
    resource: object(`${own}a`),
    wallet: WALLET_A,
    options: { sourceIps: ['203.0.113.0/24'] },
  };
  expect(await ask({ ...question, sourceIp: '203.0.113.9' })).toBe('Allowed');
  expect(await ask({ ...question, sourceIp: '198.51.100.1' })).toBe('ExplicitlyDenied');
});

test("--revoke ends the wallet's earlier sessions, and neither its later ones nor another wallet's", async () => {
  const extra = documentOf(revocationOf(configOf(), { wallet: WALLET_A, now: Date.UTC(2026, 5, 1) }).statements);
  const question = { action: 's3:GetObject', resource: object(`${own}a`), wallet: WALLET_A, extra };
  expect(await ask({ ...question, issued: '2026-05-31T23:00:00Z' })).toBe('ExplicitlyDenied');
  expect(await ask({ ...question, issued: '2026-06-01T00:00:01Z' })).toBe('Allowed');
  const other = { ...question, wallet: WALLET_B, resource: object(`bots/${WALLET_B}/a`) };
  expect(await ask({ ...other, issued: '2026-05-31T23:00:00Z' })).toBe('Allowed');
});

describe('with --bind-session', () => {
  // Of issuers' own keys the simulator takes those of a few that IAM's reference lists, Google's among them.
  const host = 'accounts.google.com';
  const sub = (wallet: string) => `agentkeys:agent:${wallet}`;
  /** @param token what the token says, and the session name that is asked for with it */
  async function assume(token: { wallet?: string; sub: string; name: string; aud?: string }): Promise<string> {
    if (simulate === undefined) throw new Error(missing);
    const setup = setupOf(configOf({ issuer: `https://${host}` }), { ...place, bindSession: true });
    const result = await simulate(
      {
        request: {
          principal: `arn:aws:iam::${ACCOUNT}:oidc-provider/${host}`,
          action: 'sts:AssumeRoleWithWebIdentity',
          resource: { resource: ROLE, accountId: ACCOUNT },
          contextVariables: {
            [`${host}:aud`]: token.aud ?? 'sts.amazonaws.com',
            [`${host}:sub`]: token.sub,
            'sts:RoleSessionName': token.name,
            ...(token.wallet === undefined ? {} : { [`aws:RequestTag/${TAG}`]: token.wallet, 'aws:TagKeys': [TAG] }),
          },
        },
        identityPolicies: [],
        serviceControlPolicies: [],
        resourceControlPolicies: [],
        resourcePolicy: documentOf(setup.roles[0]?.trust ?? []),
      },
      {},
    );
    if (result.resultType === 'error') throw new Error(JSON.stringify(result.errors));
    return result.overallResult ?? '';
  }
  const own = { wallet: WALLET_A, sub: sub(WALLET_A), name: `${WALLET_A}@scraper-a` };
  test('the workload’s own token becomes the role', async () => {
    expect(await assume(own)).toBe('Allowed');
    expect(await assume({ ...own, name: WALLET_A })).toBe('Allowed');
  });
  test.each([
    ['whose subject is another wallet', { ...own, sub: sub(WALLET_B) }],
    ['whose subject is none of ours', { ...own, sub: 'system:serviceaccount:a:b' }],
    ['under the session name of another wallet', { ...own, name: `${WALLET_B}@scraper-b` }],
    ['under a session name without a wallet', { ...own, name: 'scraper-a' }],
    ['without a wallet', { sub: own.sub, name: own.name }],
    ['of another audience', { ...own, aud: 'other' }],
  ])('a token %s does not', async (_, token) => {
    expect(await assume(token)).not.toBe('Allowed');
  });
});
