import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { mintAwsCreds } from '../../src/aws/verify/mint.ts';
import { verdictOf } from '../../src/aws/verify/result.ts';
import { objectUrl } from '../../src/aws/verify/s3.ts';
import type { Step } from '../../src/aws/verify/steps.ts';
import { untaggedExchange } from '../../src/aws/verify/untagged.ts';
import { type WalkOptions, walk } from '../../src/aws/verify/verify.ts';
import { generateKey } from '../../src/identity-token/keys/index.ts';
import { StsRefused, StsUnavailable } from '../../src/lib/errors.ts';
import { codeUrl } from '../../src/package.ts';
import { type Mock, type MockOptions, s3Mock } from './s3-mock.ts';
import { configOf, WALLET_A, WALLET_B } from './support.ts';

let mock: Mock | undefined;
afterEach(() => mock?.close());

const own = `bots/${WALLET_A}/`;
const OBJECTS = [`${own}a b+c.json`, `bots/${WALLET_B}/secret`, 'bots/0xdeadbeef/secret', `bots/${WALLET_A}0/secret`];
const isolated: MockOptions['allow'] = (key, _, at) => key === 'ASIAWALLETA' && at?.startsWith(own) === true;
const refused = async () => ({ outcome: 'refused', detail: 'AccessDenied' }) as const;

async function walked(mockOptions: Partial<MockOptions>, options: Partial<WalkOptions> = {}) {
  mock = await s3Mock({ allow: isolated, objects: OBJECTS, ...mockOptions });
  const steps: Step[] = [];
  for await (const step of walk({
    store: { bucket: 'data', region: 'us-east-1', endpointUrl: mock.url },
    wallet: WALLET_A,
    prefix: 'bots/',
    foreign: 'bots/0xdeadbeef/',
    via: 'exchange',
    getCredentials: async () => ({ accessKeyId: 'ASIAWALLETA', secretAccessKey: 's', sessionToken: 't' }),
    known: async () => ({ objects: [{ key: `bots/${WALLET_B}/secret`, by: 'scraper-b' }], why: '' }),
    untagged: refused,
    ...options,
  })) {
    steps.push(step);
  }
  return { steps, verdict: verdictOf(steps, WALLET_A) };
}

describe('a store that isolates', () => {
  test('is proven, step by step, with signed calls that carry the session token', async () => {
    const { steps, verdict } = await walked({});
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
    expect(verdict).toMatchObject({ verdict: 'proven', exitCode: 0, notChecked: [] });
    expect(mock?.requests.every(r => r.token === 't' && r.authorization.includes('SignedHeaders='))).toBe(true);
    expect(mock?.requests.map(r => r.path)).toContain(`/data/bots/${WALLET_A}/a%20b%2Bc.json`);
  });
  test('is proven without an object of its own, without a signer and without a foreign object, and the verdict says what was not checked', async () => {
    const known = async () => ({ objects: [], why: 'none is known' });
    const { verdict } = await walked({ objects: [] }, { untagged: undefined, known });
    expect(verdict.exitCode).toBe(0);
    expect(verdict.notChecked).toHaveLength(3);
    expect(verdict.summary).toContain('not checked: get an object below');
    expect(verdict.summary).toContain('get a foreign object that is there is refused');
    expect(verdict.summary).toContain('a token without the wallet tag');
  });
  test('is asked to store nothing and to delete nothing that is there', async () => {
    await walked({});
    const writes = mock?.requests.filter(r => r.method !== 'GET') ?? [];
    expect(writes.map(r => r.method)).toEqual(['PUT', 'PUT', 'DELETE', 'PUT', 'DELETE']);
    const [key, ...others] = new Set(writes.map(r => r.path.split('/').at(-1)));
    expect(others).toEqual([]);
    expect(key).toMatch(/^walletcreds-verify-[0-9a-f-]{36}$/);
  });
  test('that compares no digests stores an own object, which is deleted again', async () => {
    const { verdict } = await walked({ blind: true });
    expect(verdict.exitCode).toBe(0);
    const [put, remove] = mock?.requests.filter(r => r.method !== 'GET') ?? [];
    expect([put?.method, remove?.method, remove?.path]).toEqual(['PUT', 'DELETE', put?.path]);
  });
  test('that has no puts, deletes, versions and uploads is proven for what it has', async () => {
    const { verdict } = await walked({
      misbehave: (request, response, url) => {
        if (request.method === 'GET' && !url.searchParams.has('versions') && !url.searchParams.has('uploads'))
          return false;
        response.writeHead(501);
        response.end('<Error><Code>NotImplemented</Code></Error>');
        return true;
      },
    });
    expect(verdict.exitCode).toBe(0);
    expect(verdict.summary).toContain('not checked: put an object below');
    expect(verdict.notChecked).toHaveLength(5);
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
      'only get opens, of objects that the walk is told of',
      { allow: (k, a, at) => isolated(k, a, at) || (a === 'get' && at?.startsWith(`bots/${WALLET_B}/`) === true) },
      'get-known',
    ],
  ];
  test.each(cases)('%s', async (_, options, id) => {
    const { steps, verdict } = await walked(options);
    expect(verdict, JSON.stringify(steps)).toMatchObject({ verdict: 'isolation-broken', exitCode: 3 });
    expect(steps.find(s => s.outcome === 'broken')?.id).toBe(id);
    expect(verdict.likelyCause).toContain('s3:*');
  });
  test('a foreign NoSuchKey is a leak: S3 says it only to who may list', async () => {
    const { steps } = await walked({
      objects: [],
      allow: (k, a, at) => isolated(k, a, at) || at?.startsWith('bots/0xdeadbeef/w') === true,
    });
    expect(steps.find(s => s.id === 'get-foreign')).toMatchObject({ outcome: 'broken' });
  });
  test('a listing of the own folder that shows others is a leak', async () => {
    const { verdict } = await walked({
      misbehave: (request, response) => {
        if (request.url?.includes('prefix=bots') !== true) return false;
        response.end(`<ListBucketResult><Contents><Key>bots/${WALLET_B}/x</Key></Contents></ListBucketResult>`);
        return true;
      },
    });
    expect(verdict.exitCode).toBe(3);
  });
  test('every folder above the wallets is listed, the nearest first', async () => {
    const { steps } = await walked({ allow: () => true }, { prefix: 'a/b/', foreign: 'a/b/0xdeadbeef/' });
    expect(steps.find(s => s.id === 'list-parent')?.title).toContain('list a/b/ and a/');
  });
  test('a role that takes an untagged token is broken, even where S3 isolates', async () => {
    const { verdict } = await walked({}, { untagged: async () => ({ outcome: 'taken', detail: '' }) });
    expect(verdict).toMatchObject({ exitCode: 3, link: codeUrl('trust-untagged') });
  });
  test('an own folder that is shut weighs less than a foreign one that is open', async () => {
    const { verdict } = await walked({ allow: (_, __, at) => at === 'bots/0xdeadbeef/' });
    expect(verdict.exitCode).toBe(3);
  });
});

test('an own folder that is shut is exit 4, with the likely cause', async () => {
  const { verdict } = await walked({ allow: () => false });
  expect(verdict).toMatchObject({
    verdict: 'own-access-denied',
    exitCode: 4,
    link: codeUrl('verify-own-denied'),
  });
  expect(verdict.likelyCause).toContain('mixed case');
});

test('an own folder that takes no put is exit 4, unless a session policy may want it so', async () => {
  const readOnly: Partial<MockOptions> = { allow: (k, a, at) => a !== 'put' && isolated(k, a, at) };
  const { verdict } = await walked(readOnly);
  expect(verdict).toMatchObject({ exitCode: 4, link: codeUrl('verify-own-denied') });
  expect(verdict.likelyCause).toContain('s3:PutObject');
  await mock?.close();
  const narrowed = await walked(readOnly, { mayBeReadOnly: true });
  expect(narrowed.verdict.exitCode).toBe(0);
  expect(narrowed.verdict.notChecked).toEqual([`put an object below ${own}`]);
});

test('a session that ends half-way is refused everywhere, and not proven', async () => {
  let ended = false;
  const { verdict } = await walked({
    allow: (k, a, at) => {
      ended ||= at?.startsWith('bots/0xdeadbeef/') === true;
      return !ended && isolated(k, a, at);
    },
  });
  expect(verdict).toMatchObject({ exitCode: 4 });
  expect(verdict.likelyCause).toContain('ended while');
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
    const { verdict } = await walked(options);
    expect(verdict).toMatchObject({ verdict: 'inconclusive', exitCode: 1, link: codeUrl(symptom) });
    expect(verdict.summary).toMatch(detail);
  });
  test('a store that turns to HTML half-way', async () => {
    const { verdict } = await walked({
      misbehave: (request, response) => {
        if (request.url?.includes('deadbeef') !== true) return false;
        response.writeHead(403, html);
        response.end('<html>blocked</html>');
        return true;
      },
    });
    expect(verdict.exitCode).toBe(1);
  });
  test.each([
    [new StsUnavailable('the answer is HTML'), 'verify-no-credentials'],
    [new StsRefused('AccessDenied', 'no'), 'sts-access-denied'],
  ])('no credentials: %s', async (error, symptom) => {
    const { verdict } = await walked({}, { getCredentials: () => Promise.reject(error) });
    expect(verdict).toMatchObject({ exitCode: 1, link: codeUrl(symptom) });
    expect(mock?.requests).toEqual([]);
  });
  test('an untagged exchange that ends in another error than AccessDenied', async () => {
    const { verdict } = await walked({}, { untagged: async () => ({ outcome: 'unclear', detail: 'STS answers 400' }) });
    expect(verdict.exitCode).toBe(1);
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

describe('the untagged exchange', () => {
  const folder = mkdtempSync(join(tmpdir(), 'walletcreds-walk-'));
  const ask = async (status: number, body: string) => {
    const keysDir = mkdtempSync(join(folder, 'keys-'));
    await generateKey(keysDir, { alg: 'ES256', purpose: 'oidc' });
    const config = configOf({ keysDir });
    const workload = config.workloads.get('scraper-a')?.workload;
    if (workload === undefined) throw new Error('no workload');
    let sent = '';
    const run = await untaggedExchange(config, workload, {
      send: async request => {
        sent = request.body ?? '';
        return { status, headers: {}, body };
      },
    });
    const answer = await run?.();
    const jwt = new URLSearchParams(sent).get('WebIdentityToken') ?? '';
    return { answer, claims: JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString()) };
  };
  test('sends a token that is good but for the tag, and takes AccessDenied alone for a refusal', async () => {
    const { answer, claims } = await ask(
      403,
      '<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>',
    );
    expect(answer?.outcome).toBe('refused');
    expect(claims).toMatchObject({ iss: 'https://oidc.example.com', aud: 'sts.amazonaws.com' });
    expect(Object.keys(claims)).not.toContain('https://aws.amazon.com/tags');
  });
  test.each([
    [200, '<R><Credentials><AccessKeyId>ASIA</AccessKeyId></Credentials></R>', 'taken'],
    [400, '<E><Error><Code>InvalidIdentityToken</Code></Error></E>', 'unclear'],
    [403, '<html>Forbidden</html>', 'unclear'],
  ])('%i %s is %s', async (status, body, outcome) => {
    expect((await ask(status, body)).answer?.outcome).toBe(outcome);
  });
  test('is not there without a key', async () => {
    const config = configOf();
    const workload = config.workloads.get('scraper-a')?.workload;
    expect(workload === undefined ? 'none' : await untaggedExchange(config, workload)).toBeUndefined();
    rmSync(folder, { recursive: true });
  });
});

describe('mint-aws-creds', () => {
  const bearerFile = join(mkdtempSync(join(tmpdir(), 'walletcreds-mint-')), 'bearer');
  writeFileSync(bearerFile, 'session-of-a\n');
  const ask = (status: number, body: string) =>
    mintAwsCreds({
      broker: 'https://b/',
      bearerFile,
      wallet: WALLET_A,
      send: async () => ({ status, headers: {}, body }),
    });
  const good = { access_key_id: 'ASIA', secret_access_key: 's', session_token: 't', expiration: 1, wallet: WALLET_A };
  test('gives what the broker answered', async () => {
    expect(await ask(200, JSON.stringify(good))).toEqual({
      accessKeyId: 'ASIA',
      secretAccessKey: 's',
      sessionToken: 't',
    });
  });
  test.each([
    ['another wallet', 200, JSON.stringify({ ...good, wallet: WALLET_B }), /belongs to/],
    ['a refusal', 401, '{"error":"unauthorized","message":"gone"}', /401: gone/],
    ['HTML', 200, '<html>', /no JSON/],
    ['an empty object', 200, '{}', /without credentials/],
  ])('%s is refused', async (_, status, body, message) => {
    await expect(ask(status, body)).rejects.toThrow(message);
  });
});
