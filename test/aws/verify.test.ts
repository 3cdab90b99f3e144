import { afterEach, describe, expect, test } from 'vitest';
import { resultOf } from '../../src/aws/verify/result.ts';
import { objectUrl } from '../../src/aws/verify/s3.ts';
import type { Step } from '../../src/aws/verify/steps.ts';
import { type VerifyOptions, verifyIsolation } from '../../src/aws/verify/verify.ts';
import { StsRefused, StsUnavailable } from '../../src/lib/errors.ts';
import { codeUrl } from '../../src/package.ts';
import { type Mock, type MockOptions, s3Mock } from './s3-mock.ts';
import { WALLET_A, WALLET_B } from './support.ts';

let mock: Mock | undefined;
afterEach(() => mock?.close());

const own = `bots/${WALLET_A}/`;
const OBJECTS = [`${own}a b+c.json`, `bots/${WALLET_B}/secret`, 'bots/0xdeadbeef/secret', `bots/${WALLET_A}0/secret`];
const isolated: MockOptions['allow'] = (key, _, at) => key === 'ASIAWALLETA' && at?.startsWith(own) === true;
const refused = async () => ({ outcome: 'refused', detail: 'AccessDenied' }) as const;

async function verified(mockOptions: Partial<MockOptions>, options: Partial<VerifyOptions> = {}) {
  mock = await s3Mock({ allow: isolated, objects: OBJECTS, ...mockOptions });
  const steps: Step[] = [];
  for await (const step of verifyIsolation({
    store: { bucket: 'data', region: 'us-east-1', endpointUrl: mock.url },
    wallet: WALLET_A,
    prefix: 'bots/',
    foreign: 'bots/0xdeadbeef/',
    via: 'exchange',
    getCredentials: async () => ({ accessKeyId: 'ASIAWALLETA', secretAccessKey: 's', sessionToken: 't' }),
    foreignObjects: async () => ({ objects: [{ key: `bots/${WALLET_B}/secret`, by: 'read by scraper-b' }], why: '' }),
    untagged: refused,
    ...options,
  })) {
    steps.push(step);
  }
  return { steps, result: resultOf(steps, WALLET_A) };
}

describe('a store that isolates', () => {
  test('is proven, step by step, with signed calls that carry the session token', async () => {
    const { steps, result } = await verified({});
    expect(steps.map(s => [s.id, s.outcome])).toEqual([
      ['credentials', 'ok'],
      ['list-own', 'ok'],
      ['get-own', 'ok'],
      ['put-own', 'ok'],
      ['list-foreign', 'ok'],
      ['get-foreign', 'ok'],
      ['put-foreign', 'ok'],
      ['delete-foreign', 'ok'],
      ['list-longer', 'ok'],
      ['get-longer', 'ok'],
      ['put-longer', 'ok'],
      ['delete-longer', 'ok'],
      ['list-bucket', 'ok'],
      ['list-parent', 'ok'],
      ['get-known', 'ok'],
      ['untagged', 'ok'],
      ['list-own-again', 'ok'],
    ]);
    expect(result).toMatchObject({ verdict: 'proven', exitCode: 0, notChecked: [] });
    expect(mock?.requests.every(r => r.token === 't' && r.authorization.includes('SignedHeaders='))).toBe(true);
    expect(mock?.requests.map(r => r.path)).toContain(`/data/bots/${WALLET_A}/a%20b%2Bc.json`);
  });
  test('is proven without an object of its own, without a signer and without a foreign object, and the result says what was not checked', async () => {
    const foreignObjects = async () => ({ objects: [], why: 'none is known' });
    const { result } = await verified({ objects: [] }, { untagged: undefined, foreignObjects });
    expect(result.exitCode).toBe(0);
    expect(result.notChecked).toHaveLength(3);
    expect(result.summary).toContain('not checked: GET an object below');
    expect(result.summary).toContain('GET a foreign object that exists');
    expect(result.summary).toContain('a token without the wallet tag');
  });
  test('is asked to store nothing and to delete nothing that is there', async () => {
    await verified({});
    const writes = mock?.requests.filter(r => r.method !== 'GET') ?? [];
    expect(writes.map(r => r.method)).toEqual(['PUT', 'PUT', 'DELETE', 'PUT', 'DELETE']);
    const [key, ...others] = new Set(writes.map(r => r.path.split('/').at(-1)));
    expect(others).toEqual([]);
    expect(key).toMatch(/^walletcreds-verify-[0-9a-f-]{36}$/);
  });
  test('that compares no digests stores an own object, which is deleted again', async () => {
    const { result } = await verified({ blind: true });
    expect(result.exitCode).toBe(0);
    const [put, remove] = mock?.requests.filter(r => r.method !== 'GET') ?? [];
    expect([put?.method, remove?.method, remove?.path]).toEqual(['PUT', 'DELETE', put?.path]);
  });
  test('that has no puts, deletes, versions and uploads is proven for what it has', async () => {
    const { result } = await verified({
      misbehave: (request, response, url) => {
        if (request.method === 'GET' && !url.searchParams.has('versions') && !url.searchParams.has('uploads'))
          return false;
        response.writeHead(501);
        response.end('<Error><Code>NotImplemented</Code></Error>');
        return true;
      },
    });
    expect(result.exitCode).toBe(0);
    expect(result.summary).toContain('not checked: PUT an object below');
    expect(result.notChecked).toHaveLength(5);
  });
});

describe('a store that does not isolate is never proven', () => {
  const cases: [string, Partial<MockOptions>, string][] = [
    ['everything opens', { allow: () => true }, 'list-foreign'],
    [
      'only the foreign listing opens',
      { allow: (k, a, at) => isolated(k, a, at) || (a === 'list' && at === 'bots/0xdeadbeef/') },
      'list-foreign',
    ],
    [
      'only foreign objects open',
      {
        allow: (k, a, at) => isolated(k, a, at) || a === 'get',
        objects: [...OBJECTS, 'bots/0xdeadbeef/walletcreds-verify'],
      },
      'get-foreign',
    ],
    [
      'the wallet that begins alike opens',
      { allow: (_, __, at) => at?.startsWith(`bots/${WALLET_A}`) === true },
      'list-longer',
    ],
    ['the whole bucket lists', { allow: (k, a, at) => isolated(k, a, at) || at === undefined }, 'list-bucket'],
    ['an empty prefix lists', { allow: (k, a, at) => isolated(k, a, at) || at === '' }, 'list-bucket'],
    ['the folder of all wallets lists', { allow: (k, a, at) => isolated(k, a, at) || at === 'bots/' }, 'list-parent'],
    ...(['versions', 'uploads'] as const).map((action): [string, Partial<MockOptions>, string] => [
      `foreign ${action} list`,
      { allow: (k, a, at) => isolated(k, a, at) || (a === action && at === 'bots/0xdeadbeef/') },
      'list-foreign',
    ]),
    ...(['put', 'delete'] as const).flatMap(action =>
      ['0xdeadbeef', `${WALLET_A}0`].map((folder): [string, Partial<MockOptions>, string] => [
        `only ${action} opens below ${folder}`,
        { allow: (k, a, at) => isolated(k, a, at) || (a === action && at?.startsWith(`bots/${folder}/`) === true) },
        `${action}-${folder === '0xdeadbeef' ? 'foreign' : 'longer'}`,
      ]),
    ),
    [
      'only get opens, of objects that `verify` is told of',
      { allow: (k, a, at) => isolated(k, a, at) || (a === 'get' && at?.startsWith(`bots/${WALLET_B}/`) === true) },
      'get-known',
    ],
  ];
  test.each(cases)('%s', async (_, options, id) => {
    const { steps, result } = await verified(options);
    expect(result, JSON.stringify(steps)).toMatchObject({ verdict: 'isolation-broken', exitCode: 3 });
    expect(steps.find(s => s.outcome === 'broken')?.id).toBe(id);
    expect(result.likelyCause).toContain('no Deny');
  });
  test('a foreign NoSuchKey is a leak: S3 says it only to who may list', async () => {
    const { steps } = await verified({
      objects: [],
      allow: (k, a, at) => isolated(k, a, at) || at?.startsWith('bots/0xdeadbeef/w') === true,
    });
    expect(steps.find(s => s.id === 'get-foreign')).toMatchObject({ outcome: 'broken' });
  });
  test('a listing of the own folder that shows others is a leak', async () => {
    const { result } = await verified({
      misbehave: (request, response) => {
        if (request.url?.includes('prefix=bots') !== true) return false;
        response.end(`<ListBucketResult><Contents><Key>bots/${WALLET_B}/x</Key></Contents></ListBucketResult>`);
        return true;
      },
    });
    expect(result.exitCode).toBe(3);
  });
  test('every folder above the wallets is listed, the nearest first', async () => {
    const { steps } = await verified({ allow: () => true }, { prefix: 'a/b/', foreign: 'a/b/0xdeadbeef/' });
    expect(steps.filter(s => s.id === 'list-parent').map(s => s.title)).toEqual(['LIST a/b/', 'LIST a/']);
  });
  test('a role that takes an untagged token is broken, even where S3 isolates', async () => {
    const { result } = await verified({}, { untagged: async () => ({ outcome: 'taken', detail: '' }) });
    expect(result).toMatchObject({ exitCode: 3, link: codeUrl('trust-untagged') });
  });
  test('an own folder that is shut weighs less than a foreign one that is open', async () => {
    const { result } = await verified({ allow: (_, __, at) => at === 'bots/0xdeadbeef/' });
    expect(result.exitCode).toBe(3);
  });
});

test('an own folder that is shut is exit 4, with the likely cause', async () => {
  const { result } = await verified({ allow: () => false });
  expect(result).toMatchObject({
    verdict: 'own-access-denied',
    exitCode: 4,
    link: codeUrl('verify-own-denied'),
  });
  expect(result.likelyCause).toContain('mixed case');
});

test('an own folder that takes no put is exit 4, unless a session policy may want it so', async () => {
  const readOnly: Partial<MockOptions> = { allow: (k, a, at) => a !== 'put' && isolated(k, a, at) };
  const { result } = await verified(readOnly);
  expect(result).toMatchObject({ exitCode: 4, link: codeUrl('verify-own-denied') });
  expect(result.likelyCause).toContain('s3:PutObject');
  await mock?.close();
  const narrowed = await verified(readOnly, { mayBeReadOnly: true });
  expect(narrowed.result.exitCode).toBe(0);
  expect(narrowed.result.notChecked).toEqual([`PUT an object below ${own}`]);
});

test.each([
  ['because no permissions boundary allows the s3:ListBucket action', /permissions boundary/],
  ['with an explicit deny in a service control policy', /service control policy/],
  ['with an explicit deny in a resource control policy', /resource control policy/],
  ['because no VPC endpoint policy allows the s3:ListBucket action', /VPC endpoint/],
  ['because no session policy allows the s3:ListBucket action', /session_policy/],
  ['with an explicit deny in a resource-based policy', /bucket’s policy/],
  ['with an explicit deny in an identity-based policy', /--revoke/],
  ['because no identity-based policy allows the kms:Decrypt action', /--kms-key/],
])('S3’s own message is printed and decides the cause: %s', async (reason, cause) => {
  const session =
    'arn:aws:sts::123456789012:assumed-role/agentkeys-data-role/0x52908400098527886e0f7030069857d2e4169ee7';
  const message = `User: ${session}@scraper-a is not authorized to perform: s3:ListBucket on resource: data ${reason}`;
  const { steps, result } = await verified({ allow: () => false, message });
  const own = steps.find(({ id }) => id === 'list-own');
  expect(own?.detail).toBe(`AccessDenied: not authorized to perform: s3:ListBucket on resource: data ${reason}`);
  expect(result).toMatchObject({ exitCode: 4, likelyCause: expect.stringMatching(cause) });
});

test('an object that a store kept in spite of the digest, and does not delete, is named', async () => {
  const { steps, result } = await verified({ blind: true, allow: (k, a, at) => a !== 'delete' && isolated(k, a, at) });
  expect(result.exitCode).toBe(0);
  expect(steps.find(({ id }) => id === 'put-own')?.detail).toMatch(
    new RegExp(`the store kept ${own}walletcreds-verify-[0-9a-f-]{36}, which could not be deleted: delete it`),
  );
});

test('a put whose answer was lost is deleted too: the store may have kept it', async () => {
  await verified({
    misbehave: (request, response) => {
      if (request.method !== 'PUT') return false;
      response.writeHead(500);
      response.end('<Error><Code>InternalError</Code></Error>');
      return true;
    },
  });
  const [put, remove] = mock?.requests.filter(({ method }) => method !== 'GET') ?? [];
  expect([put?.method, remove?.method, remove?.path]).toEqual(['PUT', 'DELETE', put?.path]);
});

test('a session that ends half-way is refused everywhere, and not proven', async () => {
  let ended = false;
  const { result } = await verified({
    allow: (k, a, at) => {
      ended ||= at?.startsWith('bots/0xdeadbeef/') === true;
      return !ended && isolated(k, a, at);
    },
  });
  expect(result).toMatchObject({ exitCode: 4 });
  expect(result.likelyCause).toContain('session ended');
});

describe('what S3 did not say proves nothing: exit 1, a clear finding, never "proven"', () => {
  const answer = (status: number, headers: Record<string, string>, body: string): Partial<MockOptions> => ({
    misbehave: (_, response) => {
      response.writeHead(status, headers);
      response.end(body);
      return true;
    },
  });
  const html = { 'content-type': 'text/html' };
  const xml = (code: string, more = '') => `<Error><Code>${code}</Code>${more}</Error>`;
  const cases: [string, Partial<MockOptions>, string, RegExp][] = [
    [
      'a bucket in another region',
      answer(301, { location: 'https://elsewhere' }, xml('PermanentRedirect')),
      'verify-region',
      /another region/,
    ],
    [
      'a wrong signing region',
      answer(400, {}, xml('AuthorizationHeaderMalformed', '<Region>eu-west-1</Region>')),
      'verify-region',
      /eu-west-1/,
    ],
    ['a bucket that does not exist', { bucket: 'other' }, 'verify-no-bucket', /NoSuchBucket/],
    [
      'a proxy that answers 403 in HTML',
      answer(403, html, '<html>Forbidden</html>'),
      'verify-not-s3',
      /not as S3 does/,
    ],
    ['a portal that answers 200 in HTML', answer(200, html, '<html>Log in</html>'), 'verify-not-s3', /no listing/],
    [
      'credentials that S3 does not know',
      answer(403, {}, xml('InvalidAccessKeyId')),
      'verify-credentials',
      /InvalidAccessKeyId/,
    ],
    ['a clock that is off', answer(403, {}, xml('RequestTimeTooSkewed')), 'verify-credentials', /RequestTimeTooSkewed/],
    ['a store that fails', answer(500, {}, xml('InternalError')), 'verify-unreachable', /InternalError/],
    ['a body of megabytes', answer(200, {}, 'x'.repeat(2_000_000)), 'verify-unreachable', /more than/],
  ];
  test.each(cases)('%s', async (_, options, symptom, detail) => {
    const { result } = await verified(options);
    expect(result).toMatchObject({ verdict: 'inconclusive', exitCode: 1, link: codeUrl(symptom) });
    expect(result.summary).toMatch(detail);
  });
  test('a store that turns to HTML half-way', async () => {
    const { result } = await verified({
      misbehave: (request, response) => {
        if (request.url?.includes('deadbeef') !== true) return false;
        response.writeHead(403, html);
        response.end('<html>blocked</html>');
        return true;
      },
    });
    expect(result.exitCode).toBe(1);
  });
  test.each([
    [new StsUnavailable('the answer is HTML'), 'verify-no-credentials'],
    [new StsRefused('AccessDenied', 'no'), 'sts-access-denied'],
  ])('no credentials: %s', async (error, symptom) => {
    const { result } = await verified({}, { getCredentials: () => Promise.reject(error) });
    expect(result).toMatchObject({ exitCode: 1, link: codeUrl(symptom) });
    expect(mock?.requests).toEqual([]);
  });
  test('an untagged exchange that ends in another error than AccessDenied', async () => {
    const { result } = await verified(
      {},
      { untagged: async () => ({ outcome: 'unclear', detail: 'STS answers 400' }) },
    );
    expect(result.exitCode).toBe(1);
  });
});

test("AWS's buckets are asked by name, those with dots by path, and other stores by path", () => {
  const store = { bucket: 'data', region: 'eu-west-1' };
  expect(objectUrl(store, '', { prefix: 'a/' })).toBe('https://data.s3.eu-west-1.amazonaws.com/?prefix=a%2F');
  expect(objectUrl({ ...store, bucket: 'my.data' }, 'k')).toBe('https://s3.eu-west-1.amazonaws.com/my.data/k');
  expect(objectUrl({ ...store, region: 'cn-north-1' }, 'k')).toContain('.amazonaws.com.cn/');
  expect(objectUrl({ ...store, endpointUrl: 'http://127.0.0.1:1/' }, "a'(b)")).toBe(
    'http://127.0.0.1:1/data/a%27%28b%29',
  );
});
