import { createHmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import { describe, expect, test } from 'vitest';
import { sha256 } from '../../support/sha256.ts';
import { code, OWN, startWorld } from './support.ts';

describe('a signature', () => {
  test('by another secret, or over another header, is refused', async () => {
    const { send, at } = await startWorld();
    expect(code((await send(at(`${OWN}hello`), { secret: 'other' })).text)).toBe('SignatureDoesNotMatch');
  });

  test.each([-16, 16])('that is %i minutes off is refused', async minutes => {
    const { send, at, clock } = await startWorld();
    const { text } = await send(at(`${OWN}hello`), { at: clock.wall() + minutes * 60_000 });
    expect(code(text)).toBe('RequestTimeTooSkewed');
  });

  test('is refused once the session has expired', async () => {
    const { send, at, clock } = await startWorld();
    await clock.advance(3_601_000);
    expect(code((await send(at(`${OWN}hello`))).text)).toBe('ExpiredToken');
  });

  test.each([
    ['AWS4-HMAC-SHA256 Credential=none', 'AuthorizationHeaderMalformed'],
    ['Bearer x', 'AuthorizationHeaderMalformed'],
    ['', 'AuthorizationHeaderMalformed'],
  ])('that reads %j is refused', async (authorization, expected) => {
    const { send, at } = await startWorld();
    const headers = { authorization, 'x-amz-date': '20260101T000000Z' };
    expect(code((await send(at(`${OWN}hello`), { anonymous: true, headers })).text)).toBe(expected);
  });
});

describe('a presigned URL', () => {
  async function presigned(expiresIn: number) {
    const { s3, credentials, at, clock } = await startWorld();
    const signer = new SignatureV4({
      service: 's3',
      region: 'us-east-1',
      credentials,
      sha256: sha256.Hash,
      uriEscapePath: false,
      applyChecksum: false,
    });
    const url = await signer.presign(
      {
        ...{ method: 'GET', protocol: 'http:', hostname: 's3.test', path: at(`${OWN}hello`) },
        headers: { host: 's3.test', 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' },
      },
      {
        expiresIn,
        signingDate: new Date(clock.wall()),
        unsignableHeaders: new Set(['x-amz-content-sha256']),
        unhoistableHeaders: new Set(['x-amz-content-sha256']),
      },
    );
    const query = new URLSearchParams(url.query as Record<string, string>);
    const target = `http://s3.test${url.path}?${query.toString().replaceAll('+', '%20')}`;
    return { clock, get: async () => (await s3.app.request(target)).text() };
  }

  test('opens the object for as long as it says', async () => {
    const { clock, get } = await presigned(600);
    expect(await get()).toBe('hello');
    await clock.advance(601_000);
    expect(code(await get())).toBe('AccessDenied');
  });
});

describe('a body in chunks', () => {
  const chunk = (body: string, signature = '') => `${body.length.toString(16)}${signature}\r\n${body}\r\n`;

  test('without signatures is put together, and its trailer is checked', async () => {
    const { send, at } = await startWorld();
    const put = (trailer: string) =>
      send(at(`${OWN}x`), {
        method: 'PUT',
        body: `${chunk('hel')}${chunk('lo')}0\r\n${trailer}\r\n\r\n`,
        headers: {
          'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
          'x-amz-decoded-content-length': '5',
          'content-encoding': 'aws-chunked',
        },
      });
    expect(code((await put('x-amz-checksum-crc32:AAAAAA==')).text)).toBe('BadDigest');
    expect((await put('x-amz-checksum-crc32:NhCmhg==')).status).toBe(200);
    const got = await send(at(`${OWN}x`));
    expect([got.text, got.headers.get('content-encoding')]).toEqual(['hello', null]);
  });

  test.each(['5\r\nhel', 'zz\r\nhello\r\n0\r\n\r\n', '', '5\r\nhelloXX0\r\n\r\n'])(
    'that breaks off or lies (%j) is refused',
    async body => {
      const { send, at } = await startWorld();
      const headers = {
        'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
        'x-amz-decoded-content-length': '5',
      };
      expect(code((await send(at(`${OWN}x`), { method: 'PUT', body, headers })).text)).toBe('IncompleteBody');
    },
  );

  test('with signatures is refused where a chunk was changed', async () => {
    const { s3, credentials, at, clock } = await startWorld();
    const signingDate = new Date(clock.wall());
    const signer = new SignatureV4({
      service: 's3',
      region: 'us-east-1',
      credentials,
      sha256: sha256.Hash,
      uriEscapePath: false,
      applyChecksum: false,
    });
    const path = at(`${OWN}x`);
    const signed = await signer.sign(
      {
        ...{ method: 'PUT', protocol: 'http:', hostname: 's3.test', path },
        headers: {
          host: 's3.test',
          'x-amz-content-sha256': 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
          'x-amz-decoded-content-length': '5',
        },
      },
      { signingDate },
    );
    const seed = /Signature=(\w+)/.exec(signed.headers['authorization'] ?? '')?.[1] ?? '';
    const stamp = signed.headers['x-amz-date'] ?? '';
    const day = stamp.slice(0, 8);
    const key = [day, 'us-east-1', 's3', 'aws4_request'].reduce<string | Buffer>(
      (secret, part) => createHmac('sha256', secret).update(part).digest(),
      `AWS4${credentials.secretAccessKey}`,
    );
    const sign = (previous: string, body: string) =>
      createHmac('sha256', key)
        .update(
          [
            'AWS4-HMAC-SHA256-PAYLOAD',
            stamp,
            `${day}/us-east-1/s3/aws4_request`,
            previous,
            sha256(''),
            sha256(body),
          ].join('\n'),
        )
        .digest('hex');
    const first = sign(seed, 'hello');
    const put = (body: string) =>
      s3.app.request(`http://s3.test${path}`, {
        method: 'PUT',
        headers: signed.headers,
        body: `${chunk(body, `;chunk-signature=${first}`)}0;chunk-signature=${sign(first, '')}\r\n\r\n`,
      });
    expect((await put('hello')).status).toBe(200);
    expect(code(await (await put('HELLO')).text())).toBe('SignatureDoesNotMatch');
  });
});
