import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ROLE } from '../support.ts';
import { all, BUCKET, code, startWorld } from './support.ts';

const everything = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 's3:*', Resource: '*' }] };
const world = (objects: Record<string, string> = {}) =>
  startWorld({ buckets: [{ name: BUCKET, objects }], rolePolicies: { [ROLE]: everything } });

describe('listing', () => {
  const keys = ['a/1', 'a/2', 'a/b/3', 'c', 'é', '\u{10000}', '\uff5e'];
  const objects = Object.fromEntries(keys.map(key => [key, key]));

  test('is in the order of UTF-8, not of JavaScript', async () => {
    const { send } = await world(objects);
    const { text } = await send(`/${BUCKET}?list-type=2`);
    expect(all(text, 'Key')).toEqual(['a/1', 'a/2', 'a/b/3', 'c', 'é', '\uff5e', '\u{10000}']);
    expect(all(text, 'KeyCount')).toEqual(['7']);
  });

  test('sums keys up by the delimiter', async () => {
    const { send } = await world(objects);
    const { text } = await send(`/${BUCKET}?list-type=2&prefix=a%2F&delimiter=%2F`);
    expect(all(text, 'Key')).toEqual(['a/1', 'a/2']);
    expect(all(text, 'Prefix')).toEqual(['a/', 'a/b/']);
  });

  test('encodes keys where it is asked to, and refuses other encodings', async () => {
    const { send } = await world({ 'a b/é': '' });
    expect(all((await send(`/${BUCKET}?list-type=2&encoding-type=url`)).text, 'Key')).toEqual(['a%20b/%C3%A9']);
    expect(code((await send(`/${BUCKET}?encoding-type=base64`)).text)).toBe('InvalidArgument');
  });

  test('pages give each key and each common prefix once, whatever their size', async () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '/', 'é'), minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(text, { maxLength: 20 }),
        fc.integer({ min: 1, max: 5 }),
        fc.boolean(),
        async (given, size, v2) => {
          const { send } = await world(Object.fromEntries(given.map(key => [key, ''])));
          const [found, prefixes]: [string[], string[]] = [[], []];
          let next: string | undefined = '';
          for (let pages = 0; next !== undefined && pages < 50; pages++) {
            const from: string =
              next === '' ? '' : `&${v2 ? 'continuation-token' : 'marker'}=${encodeURIComponent(next)}`;
            const page: string = (
              await send(`/${BUCKET}?${v2 ? 'list-type=2&' : ''}delimiter=%2F&max-keys=${size}${from}`)
            ).text;
            found.push(...all(page, 'Key'));
            prefixes.push(...all(page, 'Prefix').slice(1));
            expect(all(page, 'Key').length + all(page, 'Prefix').length - 1).toBeLessThanOrEqual(size);
            next = all(page, v2 ? 'NextContinuationToken' : 'NextMarker')[0];
          }
          expect(found.sort()).toEqual(given.filter(key => !key.includes('/')).sort());
          const expected = new Set(
            given.filter(key => key.includes('/')).map(key => key.slice(0, key.indexOf('/') + 1)),
          );
          expect(prefixes.sort()).toEqual([...expected].sort());
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('an object', () => {
  test('comes back byte for byte, with its type and its metadata, also under an odd key', async () => {
    const { send, at } = await world();
    for (const key of ['a b+c', '..', 'x/../y', 'x//y', 'é/\u{10000}', '%41', 'k'.repeat(1024)]) {
      const headers = { 'content-type': 'text/x', 'x-amz-meta-colour': 'red' };
      expect([key, (await send(at(key), { method: 'PUT', body: key, headers })).status]).toEqual([key, 200]);
      const got = await send(at(key));
      expect([got.text, got.headers.get('content-type'), got.headers.get('x-amz-meta-colour')]).toEqual([
        key,
        'text/x',
        'red',
      ]);
      const etag = `"${createHash('md5').update(key).digest('hex')}"`;
      const head = await send(at(key), { method: 'HEAD' });
      expect([head.status, head.text, head.headers.get('etag')]).toEqual([200, '', etag]);
    }
    expect(code((await send(at('k'.repeat(1025)), { method: 'PUT' })).text)).toBe('KeyTooLongError');
  });

  test.each([
    ['bytes=1-2', 206, 'el', 'bytes 1-2/5'],
    ['bytes=3-', 206, 'lo', 'bytes 3-4/5'],
    ['bytes=-2', 206, 'lo', 'bytes 3-4/5'],
    ['bytes=0-99', 206, 'hello', 'bytes 0-4/5'],
    ['bytes=2-1', 200, 'hello', null],
    ['lines=1-2', 200, 'hello', null],
  ])('answers the range %s', async (range, status, text, shown) => {
    const { send, at } = await world({ hello: 'hello' });
    const got = await send(at('hello'), { headers: { range } });
    expect([got.status, got.text, got.headers.get('content-range')]).toEqual([status, text, shown]);
  });

  test.each(['bytes=5-', 'bytes=9-10', 'bytes=-0'])('has nothing at the range %s', async range => {
    const { send, at } = await world({ hello: 'hello' });
    const got = await send(at('hello'), { headers: { range } });
    expect([got.status, code(got.text)]).toEqual([416, 'InvalidRange']);
  });

  test('is written only under the conditions that came along', async () => {
    const { send, at } = await world({ hello: 'hello' });
    const put = (headers: Record<string, string>, key = 'hello') =>
      send(at(key), { method: 'PUT', body: 'x', headers });
    expect(code((await put({ 'if-none-match': '*' })).text)).toBe('PreconditionFailed');
    expect(code((await put({ 'if-match': '"other"' })).text)).toBe('PreconditionFailed');
    expect(code((await put({ 'if-match': '"x"' }, 'none')).text)).toBe('NoSuchKey');
    expect((await put({ 'if-none-match': '*' }, 'new')).status).toBe(200);
  });

  test('is read only under the conditions that came along', async () => {
    const { send, at } = await world({ hello: 'hello' });
    const etag = (await send(at('hello'))).headers.get('etag') ?? '';
    expect((await send(at('hello'), { headers: { 'if-none-match': etag } })).status).toBe(304);
    expect((await send(at('hello'), { headers: { 'if-match': '"other"' } })).status).toBe(412);
  });

  test.each([
    ['content-md5', 'AAAAAAAAAAAAAAAAAAAAAA==', 'BadDigest'],
    ['content-md5', 'none', 'InvalidDigest'],
    ['x-amz-checksum-sha256', 'AAAA', 'BadDigest'],
    ['x-amz-checksum-crc32', 'AAAAAA==', 'BadDigest'],
    ['x-amz-content-sha256', '0'.repeat(64), 'XAmzContentSHA256Mismatch'],
  ])('with a wrong %s (%s) is not stored', async (name, value, expected) => {
    const { send, at } = await world();
    expect(code((await send(at('x'), { method: 'PUT', body: 'x', headers: { [name]: value } })).text)).toBe(expected);
    expect(code((await send(at('x'))).text)).toBe('NoSuchKey');
  });
});

describe('an upload in parts', () => {
  const five = 'x'.repeat(5 * 1024 * 1024);

  test('becomes one object, of the parts that were named', async () => {
    const { send, at } = await world();
    const id = all((await send(`${at('big')}?uploads=`, { method: 'POST' })).text, 'UploadId')[0] ?? '';
    const part = async (number: number, body: string) =>
      (await send(`${at('big')}?partNumber=${number}&uploadId=${id}`, { method: 'PUT', body })).headers.get('etag') ??
      '';
    const [one, two] = [await part(1, five), await part(2, 'end')];
    expect(all((await send(`${at('big')}?uploadId=${id}`)).text, 'Size')).toEqual([String(five.length), '3']);
    const complete = (...parts: [number, string][]) =>
      send(`${at('big')}?uploadId=${id}`, {
        method: 'POST',
        body: `<CompleteMultipartUpload>${parts.map(([n, etag]) => `<Part><ETag>${etag.replaceAll('"', '&quot;')}</ETag><PartNumber>${n}</PartNumber></Part>`).join('')}</CompleteMultipartUpload>`,
      });
    expect(code((await complete([2, two], [1, one])).text)).toBe('InvalidPartOrder');
    expect(code((await complete([1, two])).text)).toBe('InvalidPart');
    expect(code((await complete([1, one], [3, two])).text)).toBe('InvalidPart');
    expect(code((await complete()).text)).toBe('MalformedXML');
    expect((await complete([1, one], [2, two])).text).toContain('-2');
    expect((await send(at('big'))).text.length).toBe(five.length + 3);
    expect(code((await complete([1, one])).text)).toBe('NoSuchUpload');
  });

  test('that is small in its middle is refused, and can be taken back', async () => {
    const { send, at } = await world();
    const id = all((await send(`${at('big')}?uploads=`, { method: 'POST' })).text, 'UploadId')[0] ?? '';
    const etags: string[] = [];
    for (const number of [1, 2])
      etags.push(
        (await send(`${at('big')}?partNumber=${number}&uploadId=${id}`, { method: 'PUT', body: 'x' })).headers.get(
          'etag',
        ) ?? '',
      );
    const body = etags.map((etag, i) => `<Part><PartNumber>${i + 1}</PartNumber><ETag>${etag}</ETag></Part>`).join('');
    expect(code((await send(`${at('big')}?uploadId=${id}`, { method: 'POST', body })).text)).toBe('EntityTooSmall');
    expect((await send(`${at('big')}?uploadId=${id}`, { method: 'DELETE' })).status).toBe(204);
    expect(code((await send(`${at('big')}?uploadId=${id}`)).text)).toBe('NoSuchUpload');
    expect(code((await send(`${at('big')}?partNumber=0&uploadId=${id}`, { method: 'PUT' })).text)).toBe('NoSuchUpload');
  });
});

test('a bucket that isn’t there and a call that isn’t had are said so', async () => {
  const { send } = await world();
  expect(code((await send('/none')).text)).toBe('NoSuchBucket');
  const { status, text } = await send(`/${BUCKET}?lifecycle`);
  expect([status, code(text)]).toEqual([501, 'NotImplemented']);
  expect(code((await send(`/${BUCKET}`, { method: 'PATCH' })).text)).toBe('MethodNotAllowed');
});
