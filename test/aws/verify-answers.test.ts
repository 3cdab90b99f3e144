/**
 * Every single call of `verify`, with another answer than that of a store that isolates: none may leave it proven.
 *
 * @module
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { findForeignObjects, type OtherWorkload } from '../../src/aws/verify/foreign-objects.ts';
import { resultOf } from '../../src/aws/verify/result.ts';
import type { Step } from '../../src/aws/verify/steps.ts';
import { verifyIsolation } from '../../src/aws/verify/verify.ts';
import { OutboundError, type OutboundRequest, type OutboundResponse } from '../../src/lib/http-client.ts';
import { type StoreOptions, s3Answer } from './s3-mock.ts';
import { WALLET_A, WALLET_B } from './support.ts';

type Answer = (request: OutboundRequest) => OutboundResponse;

const own = `bots/${WALLET_A}/`;
const theirs = `bots/${WALLET_B}/`;
const isolating: StoreOptions = {
  objects: [`${own}mine`, `${theirs}secret`, 'bots/0xdeadbeef/secret'],
  allow: (key, _, at) => at?.startsWith(key === 'ASIAWALLETA' ? own : theirs) === true,
};
const keysOf = (accessKeyId: string) => async () => ({ accessKeyId, secretAccessKey: 's', sessionToken: 't' });
const storeOf = (send: (request: OutboundRequest) => Promise<OutboundResponse>) => ({
  bucket: 'data',
  region: 'us-east-1',
  endpointUrl: 'http://127.0.0.1:1',
  send,
});

/** @param at the number of the call that is answered by `instead`; or all listings of a prefix that ends so */
async function verified(at: number | string, instead: Answer) {
  const isMeant = (request: OutboundRequest, number: number) =>
    typeof at === 'number' ? number === at : new URL(request.url).searchParams.get('prefix')?.endsWith(at) === true;
  const asked: OutboundRequest[] = [];
  const steps: Step[] = [];
  const store = storeOf(async request => {
    asked.push(request);
    return isMeant(request, asked.length - 1) ? instead(request) : s3Answer(isolating, request);
  });
  for await (const step of verifyIsolation({
    store,
    wallet: WALLET_A,
    prefix: 'bots/',
    foreign: 'bots/0xdeadbeef/',
    via: 'exchange',
    getCredentials: keysOf('ASIAWALLETA'),
    foreignObjects: async () => ({ objects: [{ key: `${theirs}secret`, by: 'read by scraper-b' }], why: '' }),
    untagged: async () => ({ outcome: 'refused', detail: 'AccessDenied' }),
  }))
    steps.push(step);
  return { asked, result: resultOf(steps, WALLET_A) };
}

const never: Answer = () => {
  throw new Error('not asked');
};
const { asked, result } = await verified(-1, never);
const name = ({ method, url }: OutboundRequest) =>
  `${method} ${decodeURIComponent(url.replace(/^.*\/data\//, '')).replace(/-verify-[0-9a-f-]{36}/, '-verify-…')}`;
const isOwn = ({ url }: OutboundRequest) =>
  new URL(url).pathname.startsWith(`/data/${own}`) || new URL(url).searchParams.get('prefix') === own;
const isListing = ({ url }: OutboundRequest) => new URL(url).pathname === '/data/';
const calls = asked.map((request, i) => [`${i + 1}: ${name(request)}`, i, request] as const);

const respond = (status: number, body = '', headers: Record<string, string> = {}): Answer => {
  return () => ({ status, headers, body });
};
const xml = (code: string) => `<?xml version="1.0"?><Error><Code>${code}</Code></Error>`;
const html = { 'content-type': 'text/html' };
const failing = (code: ConstructorParameters<typeof OutboundError>[0]): Answer => {
  return () => {
    throw new OutboundError(code, 'it fails');
  };
};
const MEANINGLESS: readonly (readonly [string, Answer])[] = [
  ['200 and HTML', respond(200, '<!DOCTYPE html><html>Log in</html>', html)],
  [
    '200 and HTML that says it is something else',
    respond(200, '\n<html>Log in</html>', { 'content-type': 'text/xml' }),
  ],
  ['403 and HTML', respond(403, '<html>Forbidden</html>', html)],
  ['403 and nothing', respond(403)],
  ['403 by another code', respond(403, xml('InvalidAccessKeyId'))],
  ['403 once the session has expired', respond(403, xml('ExpiredToken'))],
  ['AccessDenied with status 200', respond(200, xml('AccessDenied'), html)],
  ['AccessDenied with status 503', respond(503, xml('AccessDenied'))],
  ['another region (301)', failing('Redirected')],
  ['another region (400)', respond(400, xml('AuthorizationHeaderMalformed'))],
  ['NoSuchBucket', respond(404, xml('NoSuchBucket'))],
  ['404 and HTML', respond(404, '<html>Not found</html>', html)],
  ['a malformed digest, which may be seen before the permission', respond(400, xml('InvalidDigest'))],
  ['SlowDown', respond(503, xml('SlowDown'))],
  ['503 and HTML', respond(503, '<html>Try later</html>', html)],
  ['a timeout', failing('TimedOut')],
  ['a broken connection', failing('NetworkError')],
];

test('answered as it should be, the same calls prove it', () => {
  expect(result).toMatchObject({ exitCode: 0, notChecked: [] });
  expect(calls.length).toBeGreaterThan(80);
  expect(calls.filter(([, , request]) => isOwn(request))).toHaveLength(4);
});

test('one answer that says nothing, to whichever call, and nothing is proven', { timeout: 120_000 }, async () => {
  const objects = calls.filter(([, , request]) => !isListing(request));
  const lists = calls.filter(([, , request]) => isListing(request));
  const some = fc.oneof(fc.constantFrom(...objects), fc.constantFrom(...lists));
  await fc.assert(
    fc.asyncProperty(some, fc.constantFrom(...MEANINGLESS), async ([call, at], [what, answer]) => {
      const { result } = await verified(at, answer);
      expect(result, `${call}: ${what}`).toMatchObject({ exitCode: 1, verdict: 'inconclusive' });
    }),
    { numRuns: 200 },
  );
});

describe('one foreign request that is allowed is exit 3', () => {
  test.each(calls.filter(([, , request]) => !isOwn(request)))('%s', async (_, at) => {
    const { result } = await verified(at, request => s3Answer({ ...isolating, allow: () => true }, request));
    expect(result).toMatchObject({ exitCode: 3, verdict: 'isolation-broken' });
  });
});

describe('one own request that is refused is exit 4', () => {
  test.each(calls.filter(([, , request]) => isOwn(request)))('%s', async (_, at) => {
    const { result } = await verified(at, respond(403, xml('AccessDenied')));
    expect(result).toMatchObject({ exitCode: 4, verdict: 'own-access-denied' });
  });
});

describe('a listing answered with', () => {
  const listings = calls.filter(([, , request]) => isListing(request));
  test('NoSuchKey proves nothing: listings know no keys that are not there', async () => {
    expect(listings.length).toBeGreaterThan(20);
    for (const [what, at] of listings) {
      expect((await verified(at, respond(404, xml('NoSuchKey')))).result.exitCode, what).toBe(1);
    }
  });
  test('NotImplemented proves nothing, but for one of several forms', async () => {
    for (const [what, at, request] of listings) {
      const { result } = await verified(at, respond(501, xml('NotImplemented')));
      expect(result.exitCode, what).toBe(isOwn(request) ? 1 : 0);
    }
    const all = await verified('deadbeef/', respond(501, xml('NotImplemented')));
    expect(all.result).toMatchObject({ exitCode: 1, verdict: 'inconclusive' });
    expect(all.result.summary).toContain('LIST bots/0xdeadbeef/');
  });
});

test('a run that lacks any of its steps proves nothing', () => {
  const ids = 'credentials list-own get-own put-own list-foreign get-foreign put-foreign delete-foreign list-longer'
    .concat(' get-longer put-longer delete-longer list-bucket get-known untagged list-own-again')
    .split(' ');
  const all = ids.map((id): Step => ({ id, title: id, must: '', outcome: 'ok', detail: '', symptom: '' }));
  expect(resultOf(all, WALLET_A).exitCode).toBe(0);
  for (const left of ids) {
    const lacking = all.filter(({ id }) => id !== left);
    expect(resultOf(lacking, WALLET_A), left).toMatchObject({ exitCode: 1, verdict: 'inconclusive' });
  }
});

describe('a foreign object is known to be there', () => {
  const store = storeOf(async request => s3Answer(isolating, request));
  const b: OtherWorkload = { name: 'scraper-b', own: theirs, getCredentials: keysOf('ASIAWALLETB') };
  const failing: OtherWorkload = {
    ...b,
    name: 'scraper-c',
    getCredentials: () => Promise.reject(new Error('no\nway')),
  };
  const empty: OtherWorkload = { ...b, name: 'scraper-d', own: `${theirs}none/` };
  const shut: OtherWorkload = { ...b, name: 'scraper-e', own };

  test('where another workload reads it, the next one where the first can tell of none', async () => {
    const known = { objects: [{ key: `${theirs}secret`, by: 'read by scraper-b' }], why: '' };
    expect(await findForeignObjects(store, async () => [b])).toEqual(known);
    expect(await findForeignObjects(store, async () => [failing, empty, b])).toEqual(known);
  });
  test('and not where it is listed but cannot be read: its refusal would say nothing of the folder', async () => {
    const unread = storeOf(async request =>
      s3Answer({ ...isolating, allow: (k, a, at) => a !== 'get' && isolating.allow(k, a, at) }, request),
    );
    expect((await findForeignObjects(unread, async () => [b])).objects).toEqual([]);
  });
  test.each<[string, () => Promise<OtherWorkload[]>, RegExp]>([
    ['no other workload', async () => [], /no other workload is configured; name one with --foreign-key/],
    [
      'no credentials, no objects, no folder',
      async () => [failing, empty, shut],
      /credentials for scraper-c: no, scraper-d has none, scraper-e cannot list/,
    ],
    ['more than three are not asked', async () => [failing, empty, shut, b], /none is known/],
    ['a configuration that cannot be read whole', () => Promise.reject(new Error('gone')), /gone/],
  ])('and why not, where none is: %s', async (_, find, why) => {
    const known = await findForeignObjects(store, find);
    expect(known.objects).toEqual([]);
    expect(known.why).toMatch(why);
  });
});
