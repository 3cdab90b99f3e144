/**
 * `verify` against the S3 emulator, which enforces policies: a policy that opens anything is never proven.
 *
 * @module
 */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { resultOf } from '../../src/aws/verify/result.ts';
import type { Step } from '../../src/aws/verify/steps.ts';
import { verifyIsolation } from '../../src/aws/verify/verify.ts';
import type { OutboundRequest } from '../../src/lib/http-client.ts';
import { BUCKET, bucketPolicy, FOREIGN, OWN, rolePolicy, startWorld } from '../emulator/s3/support.ts';
import { ROLE, WALLET } from '../emulator/support.ts';
import { fakeClock } from '../support/fake-clock.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: fakeClock().wall() }));
afterEach(() => void vi.useRealTimers());

const ARN = `arn:aws:s3:::${BUCKET}`;
const allow = (Action: unknown, Resource: unknown, Condition?: unknown) => ({
  Effect: 'Allow',
  Action,
  Resource,
  ...(Condition === undefined ? {} : { Condition }),
});
const more = (...statements: unknown[]) => ({
  Version: '2012-10-17',
  Statement: [...rolePolicy.Statement, ...statements],
});

async function verified(policy: unknown, onBucket?: unknown) {
  const objects = { [`${OWN}hello`]: 'hello', [`${FOREIGN}secret`]: 'secret' };
  const { s3, credentials } = await startWorld({
    buckets: [{ name: BUCKET, objects, ...(onBucket === undefined ? {} : { policy: onBucket }) }],
    rolePolicies: { [ROLE]: policy },
  });
  const send = async ({ url, method = 'GET', headers = {}, body }: OutboundRequest) => {
    const { pathname, search } = new URL(url);
    const response = await s3.app.fetch(
      new Request(url, { method, headers, ...(method === 'PUT' && body !== undefined ? { body } : {}) }),
      { incoming: { url: `${pathname}${search}`, socket: { remoteAddress: '127.0.0.1' } } },
    );
    return { status: response.status, headers: Object.fromEntries(response.headers), body: await response.text() };
  };
  const steps: Step[] = [];
  for await (const step of verifyIsolation({
    store: { bucket: BUCKET, region: 'us-east-1', endpointUrl: 'http://s3.test', send },
    wallet: WALLET,
    prefix: 'bots/',
    foreign: FOREIGN,
    via: 'exchange',
    getCredentials: async () => credentials,
    foreignObjects: async () => ({ objects: [{ key: `${FOREIGN}secret`, by: 'named by --foreign-key' }], why: '' }),
    untagged: async () => ({ outcome: 'refused', detail: 'AccessDenied' }),
  }))
    steps.push(step);
  return { steps, result: resultOf(steps, WALLET), failed: steps.filter(s => s.outcome === 'broken') };
}

test('the printed policies are proven, and so is s3:* on the role behind the printed Denies', async () => {
  for (const policy of [rolePolicy, more(allow('s3:*', '*')), more(allow('*', '*'))]) {
    const { result, steps } = await verified(policy, bucketPolicy);
    expect(result, JSON.stringify(steps)).toMatchObject({ exitCode: 0, failed: 0, notChecked: [] });
    expect(result.summary).toBe(`isolation proven for ${WALLET}: 17 of 17 passed`);
  }
});

describe('a policy that opens more than the own folder ends with exit 3, and says what opened and how', () => {
  const prefixes = (value: unknown, condition = 'StringLike') => ({ [condition]: { 's3:prefix': value } });
  const cases: [string, unknown, string[], RegExp, RegExp][] = [
    [
      's3:* on *',
      more(allow('s3:*', '*')),
      ['list-foreign', 'get-foreign'],
      /^allowed \(1 object\) with each/,
      /broad/,
    ],
    ['s3:* on every bucket', more(allow('s3:*', 'arn:aws:s3:::*')), ['list-foreign'], /each/, /broad/],
    [
      'a listing of the folders, by the delimiter',
      more(
        allow('s3:ListBucket', ARN, {
          StringEquals: { 's3:prefix': ['', 'bots/'], 's3:delimiter': ['/'] },
        }),
      ),
      ['list-bucket', 'list-parent'],
      /with an empty prefix, v2 delimiter=\/, .*v1 delimiter=\//,
      /a delimiter/,
    ],
    [
      'a listing of one key at a time',
      more(allow('s3:ListBucket', ARN, { NumericLessThanEquals: { 's3:max-keys': '1' } })),
      ['list-foreign', 'list-longer', 'list-bucket', 'list-parent'],
      /with v2 max-keys=1, v2 delimiter=\/ max-keys=1/,
      /listing outside/,
    ],
    [
      'a listing of versions',
      more(allow('s3:ListBucketVersions', ARN)),
      ['list-foreign'],
      /with versions/,
      /listing outside/,
    ],
    [
      'a listing of uploads',
      more(allow('s3:ListBucketMultipartUploads', ARN)),
      ['list-foreign'],
      /with uploads/,
      /listing outside/,
    ],
    [
      'a listing of the empty prefix alone',
      more(allow('s3:ListBucket', ARN, prefixes(''))),
      ['list-bucket'],
      /empty prefix/,
      /listing/,
    ],
    [
      'a pattern without the slash',
      more(
        allow('s3:ListBucket', ARN, prefixes('bots/${aws:PrincipalTag/agentkeys_user_wallet}*')),
        allow('s3:GetObject', `${ARN}/bots/\${aws:PrincipalTag/agentkeys_user_wallet}*`),
      ),
      ['list-longer'],
      /each|with v2/,
      /<wallet>\/\*/,
    ],
    ['objects of everybody', more(allow('s3:GetObject', `${ARN}/*`)), ['get-known'], /allowed/, /Resource/],
    [
      'puts everywhere',
      more(allow('s3:PutObject', `${ARN}/*`)),
      ['put-foreign'],
      /allowed \(nothing was stored\)/,
      /Resource/,
    ],
  ];
  test.each(cases)('%s', async (_, policy, ids, how, cause) => {
    const { result, failed } = await verified(policy);
    expect(result).toMatchObject({ exitCode: 3, verdict: 'isolation-broken' });
    expect(failed.map(({ id }) => id)).toEqual(expect.arrayContaining(ids));
    expect(failed[0]?.detail).toMatch(how);
    expect(result.likelyCause).toMatch(cause);
    expect(result.summary).toBe(`isolation broken for ${WALLET}: ${failed.length} of 17 failed`);
  });
});

test('a role without the listing is exit 4, with the reason in S3’s own words', async () => {
  const { result, steps } = await verified({ ...rolePolicy, Statement: rolePolicy.Statement.slice(1) });
  expect(result.exitCode).toBe(4);
  expect(steps.find(({ id }) => id === 'list-own')?.detail).toBe(
    `AccessDenied: not authorized to perform: s3:ListBucket on resource: "${ARN}" because no policy allows the s3:ListBucket action`,
  );
  expect(result.likelyCause).toContain('s3:ListBucket does not hold');
});
