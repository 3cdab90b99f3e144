/**
 * Whatever is asked, in whatever order and however many at once: an answer holds the credentials of the wallet that its
 * token stands for, or none.
 *
 * Whose credentials they are is not read from the answer: they are shown to STS, which says who they belong to.
 *
 * @module
 */
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Dev, startDev } from '../support/process.ts';
import { type Answer, ask } from '../support/request.ts';

const workloads = {
  first: '0x52908400098527886e0f7030069857d2e4169ee7',
  second: '0xde709f2102306220921060314715629080e2fb77',
} as const;
type Name = keyof typeof workloads;
const names = Object.keys(workloads) as Name[];
const other = (name: Name): Name => (name === 'first' ? 'second' : 'first');

let dev: Dev;
const tokens: Record<string, string> = {};
beforeAll(async () => {
  dev = await startDev({ workloads });
  for (const name of names) tokens[name] = dev.env(name)['AWS_CONTAINER_AUTHORIZATION_TOKEN'] ?? '';
});
afterAll(() => dev?.stop());

/** The wallet that STS knows these credentials by; asked once for each access key. */
const known = new Map<string, Promise<string>>();
function walletOf(answer: Answer): Promise<string> {
  const { AccessKeyId, SecretAccessKey, Token } = JSON.parse(answer.body) as Record<string, string>;
  const key = `${AccessKeyId} ${SecretAccessKey} ${Token}`;
  const found = known.get(key) ?? identity(AccessKeyId ?? '', SecretAccessKey ?? '', Token ?? '');
  known.set(key, found);
  return found;
}
async function identity(accessKeyId: string, secretAccessKey: string, sessionToken: string): Promise<string> {
  const client = new STSClient({
    region: 'us-east-1',
    endpoint: `http://127.0.0.1:${dev.port + 1}`,
    credentials: { accessKeyId, secretAccessKey, sessionToken },
  });
  const { Arn = '' } = await client.send(new GetCallerIdentityCommand({}));
  client.destroy();
  return /0x[0-9a-f]{40}/.exec(Arn)?.[0] ?? `no wallet in ${Arn}`;
}

/** How somebody with the token of `name` might reach for the other's: a path, a query, headers beside it. */
type Reach = { path: string; headers: Record<string, string | string[]> };
const paths = (name: Name): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 3, arbitrary: fc.constant('/v1/credentials') },
    fc.constantFrom(
      `/v1/credentials/${name}`,
      `/v1/credentials/${other(name)}`,
      `/v1/credentials/../credentials/${other(name)}`,
      `/v1/credentials/%2e%2e/${other(name)}`,
      `/v1/credentials/${name}%2f..%2f${other(name)}`,
      `/v1/credentials/${name}/../${other(name)}`,
      `/v1/credentials/${other(name)}/../${name}`,
      `/v1/credentials/${other(name)}%00`,
      `/v1/credentials/${other(name).toUpperCase()}`,
      `/v1/credentials;workload=${other(name)}`,
      `//v1/credentials/${other(name)}`,
      `/v2/credentials/${other(name)}`,
      `http://${other(name)}/v1/credentials`,
      `http://127.0.0.1/v1/credentials/${other(name)}`,
    ),
  );
const queries = (name: Name): fc.Arbitrary<string> =>
  fc.constantFrom(
    '',
    `?workload=${other(name)}`,
    `?wallet=${workloads[other(name)]}`,
    `?token=${tokens[other(name)]}&Authorization=${tokens[other(name)]}`,
    `#/v1/credentials/${other(name)}`,
  );
const extras = (name: Name): fc.Arbitrary<Record<string, string | string[]>> =>
  fc.constantFrom<Record<string, string | string[]>>(
    {},
    { 'X-Workload': other(name), 'X-Wallet': workloads[other(name)] },
    { Cookie: `token=${tokens[other(name)]}` },
    { 'Proxy-Authorization': tokens[other(name)] ?? '' },
    { 'X-Aws-Ec2-Metadata-Token': tokens[other(name)] ?? '' },
    { 'X-Original-URL': `/v1/credentials/${other(name)}`, 'X-Rewrite-URL': `/v1/credentials/${other(name)}` },
    { 'X-HTTP-Method-Override': 'POST', 'X-Forwarded-User': other(name) },
    { Connection: 'close, Authorization' },
    { 'X-Amz-Security-Token': tokens[other(name)] ?? '', 'X-Amzn-Requestid': other(name) },
  );
const reaches = (name: Name): fc.Arbitrary<Reach> =>
  fc
    .tuple(paths(name), queries(name), extras(name), fc.constantFrom('', 'Bearer '))
    .map(([path, query, extra, scheme]) => ({
      path: `${path}${query}`,
      headers: { ...extra, Authorization: `${scheme}${tokens[name]}` },
    }));
const request = fc.constantFrom(...names).chain(name => reaches(name).map(reach => ({ name, ...reach })));

describe('two workloads, many requests at once', () => {
  test('every answer is its own token’s wallet, or a refusal without credentials', async () => {
    let vended = 0;
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(request, { minLength: 8, maxLength: 40 }), async requests => {
        const answers = await Promise.all(requests.map(({ path, headers }) => ask({ port: dev.port, path, headers })));
        for (const [i, answer] of answers.entries()) {
          const { name } = requests[i] ?? expect.fail();
          if (answer.status === 200) {
            vended++;
            expect(await walletOf(answer)).toBe(workloads[name]);
          } else {
            refused++;
            expect(answer.body).not.toMatch(/AccessKeyId|SecretAccessKey|"Token"/);
          }
        }
      }),
      { numRuns: 40 },
    );
    expect(vended).toBeGreaterThan(100);
    expect(refused).toBeGreaterThan(100);
  });

  test('the plain request always gets its own, in spite of others that ask in the same instant', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...names), { minLength: 2, maxLength: 50 }), async order => {
        const answers = await Promise.all(
          order.map(name =>
            ask({ port: dev.port, path: '/v1/credentials', headers: { Authorization: tokens[name] ?? '' } }),
          ),
        );
        expect(answers.map(({ status }) => status)).toEqual(order.map(() => 200));
        expect(await Promise.all(answers.map(walletOf))).toEqual(order.map(name => workloads[name]));
      }),
      { numRuns: 20 },
    );
  });
});

describe('what names the other workload', () => {
  const asFirst = (path: string, headers: Record<string, string | string[]> = {}) =>
    ask({ port: dev.port, path, headers: { Authorization: tokens['first'] ?? '', ...headers } });

  test('in the path is the same 403 as a name that does not exist', async () => {
    const [exists, doesNot] = [await asFirst('/v1/credentials/second'), await asFirst('/v1/credentials/neither')];
    expect([exists.status, JSON.parse(exists.body).code]).toEqual([403, 'WorkloadMismatch']);
    expect(exists.body.replace('second', 'neither')).toBe(doesNot.body);
  });

  test('by a second Authorization header is refused or ignored, never obeyed', async () => {
    for (const order of [names, names.toReversed()]) {
      const answer = await asFirst('/v1/credentials', { Authorization: order.map(name => tokens[name] ?? '') });
      if (answer.status === 200) expect(await walletOf(answer)).toBe(workloads[order[0] ?? 'first']);
      else expect([400, 401]).toContain(answer.status);
    }
  });

  test('by both tokens in one header is 401', async () => {
    for (const joined of [', ', ' ', ',', ''])
      expect(
        (await asFirst('/v1/credentials', { Authorization: `${tokens['first']}${joined}${tokens['second']}` })).status,
      ).toBe(401);
  });
});
