/**
 * Clients that can't be run here, each as strict as its source is: what it parses, what it refuses, how long it waits.
 * Against the running program, as `dev` starts it.
 *
 * @module
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Dev, startDev } from '../support/process.ts';
import { type Answer, ask } from '../support/request.ts';

const wallet = '0x52908400098527886e0f7030069857d2e4169ee7';
let dev: Dev;
let token = '';
beforeAll(async () => {
  dev = await startDev({ workloads: { first: wallet } });
  token = dev.env()['AWS_CONTAINER_AUTHORIZATION_TOKEN'] ?? '';
});
afterAll(() => dev?.stop());

const get = (
  headers: Record<string, string | string[]> = { Authorization: token },
  path = '/v1/credentials',
  timeout = 1_000,
) => ask({ port: dev.port, path, headers, timeout });
const json = (answer: Answer) => JSON.parse(answer.body) as Record<string, string>;

/** One of each refusal that an SDK can meet. */
async function refusals(): Promise<Answer[]> {
  return Promise.all([
    get({ Authorization: 'not-the-token-not-the-token-not-the-token' }),
    get({}),
    get({ Authorization: token }, '/v1/credentials/another'),
    get({ Authorization: token }, '/v1/credential'),
    get({ Authorization: token, 'X-Forwarded-For': '10.0.0.1' }),
    ask({ port: dev.port, path: '/v1/credentials', method: 'HEAD', headers: { Authorization: token } }),
  ]);
}

describe('Swift', () => {
  test('reads Expiration with a formatter that knows no fraction and no offset', async () => {
    const { Expiration = '', LastUpdated = '' } = json(await get());
    // ISO8601DateFormatter with its default options: whole seconds, a literal Z.
    for (const date of [Expiration, LastUpdated]) {
      expect(date).toMatch(/^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\dZ$/);
      expect(new Date(date).toISOString().replace('.000Z', 'Z')).toBe(date);
    }
    expect(Date.parse(Expiration)).toBeGreaterThan(Date.now());
  });

  test('takes a plain http FULL_URI on 127.0.0.1 alone', () => {
    expect(dev.env()['AWS_CONTAINER_CREDENTIALS_FULL_URI']).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/v1\/credentials/);
  });
});

describe('Java, C++, PHP', () => {
  test('give up after 1 s: each of 50 requests on a new connection is answered within that', async () => {
    // A request that takes longer rejects.
    for (let i = 0; i < 50; i++) expect((await get({ Authorization: token, Connection: 'close' })).status).toBe(200);
  });

  test('PHP takes the account from the fifth part of RoleArn', async () => {
    const { RoleArn = '', AccountId } = json(await get());
    expect(RoleArn.split(':')[4]).toBe(AccountId);
    expect(AccountId).toMatch(/^\d{12}$/);
  });
});

describe('botocore', () => {
  /** RefreshableCredentials: asks again at every call once less than 15 minutes are left, and must within 10. */
  function botocore() {
    let cached: { expires: number } | undefined;
    let fetches = 0;
    return {
      fetches: () => fetches,
      async call() {
        if (cached !== undefined && cached.expires - Date.now() >= 15 * 60_000) return;
        fetches++;
        const answer = await get({ Authorization: token, Accept: 'application/json', 'User-Agent': 'Botocore' });
        expect(answer.status).toBe(200);
        const { AccessKeyId, SecretAccessKey, Token, Expiration = '' } = json(answer);
        // It indexes the answer by these very keys.
        for (const value of [AccessKeyId, SecretAccessKey, Token]) expect(value).toMatch(/^\S+$/);
        cached = { expires: Date.parse(Expiration) };
      },
    };
  }

  test('asks once for 20 API calls, since more than its window of 15 minutes is left', async () => {
    const client = botocore();
    for (let i = 0; i < 20; i++) await client.call();
    expect(client.fetches()).toBe(1);
  });

  test('finds no carriage return or newline in the token, which it refuses to send', () => {
    expect(token).toMatch(/^[\x21-\x7e]+$/);
  });
});

describe('Go v2 and Kotlin', () => {
  test('read code and message of an error only from the exact media type', async () => {
    for (const answer of await refusals()) {
      expect(answer.headers['content-type']).toBe('application/json');
      expect(answer.status).toBeGreaterThanOrEqual(400);
    }
  });

  test('find the same code and message under both spellings, in one line', async () => {
    for (const answer of (await refusals()).filter(({ body }) => body !== '')) {
      expect(answer.body).not.toContain('\n');
      const { code, message, Code, Message } = json(answer);
      expect(code).toMatch(/^[A-Za-z]+$/);
      expect(message).toMatch(/\S/);
      expect([Code, Message]).toEqual([code, message]);
    }
  });

  test('meet no code that they would retry as throttling', async () => {
    const throttling = /Throttl|RequestLimit|SlowDown|TooManyRequests|BandwidthLimit|PriorRequestNotComplete/i;
    for (const { body } of await refusals()) expect(body).not.toMatch(throttling);
  });
});

describe('Go v1', () => {
  test('would follow a redirect and take the token along: there is none, however the path is written', async () => {
    for (const path of ['/v1/credentials/', '//v1/credentials', '/v1//credentials', '/v1/./credentials', '/v1', '/'])
      expect([path, (await get({ Authorization: token }, path)).status]).toEqual([path, 404]);
  });
});

describe('.NET', () => {
  test('matches keys without regard to case: no two are the same', async () => {
    const keys = Object.keys(json(await get())).map(key => key.toLowerCase());
    expect(new Set(keys).size).toBe(keys.length);
  });

  test('tries five times in a row with a wrong token, and the right one still works', async () => {
    for (let i = 0; i < 5; i++)
      expect((await get({ Authorization: 'not-the-token-not-the-token-not-the-token' })).status).toBe(401);
    expect((await get()).status).toBe(200);
  });
});

describe('Rust', () => {
  test('parses dates as RFC 3339 with Z, and takes only Code "Success"', async () => {
    const { Code, Expiration, LastUpdated } = json(await get());
    expect(Code).toBe('Success');
    for (const date of [Expiration, LastUpdated]) expect(date).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  });

  test('finds each key once, as a string that is neither null nor empty', async () => {
    const { body } = await get();
    for (const key of ['AccessKeyId', 'SecretAccessKey', 'Token', 'Expiration']) {
      expect(body.split(`"${key}"`)).toHaveLength(2);
      expect(json({ body } as Answer)[key]).toMatch(/\S/);
    }
    expect(body).not.toMatch(/"(SessionToken|ExpiresAt|accessKeyId|expiration)"/);
  });
});

describe('CRT', () => {
  test('reads 10,000 bytes of body', async () => {
    expect(Buffer.byteLength((await get()).body)).toBeLessThanOrEqual(10_000);
  });

  test('sends a Host without its port, and an IPv6 one without brackets', async () => {
    for (const Host of ['127.0.0.1', 'localhost', '::1', '[::1]', '169.254.170.2'])
      expect([Host, (await get({ Authorization: token, Host })).status]).toEqual([Host, 200]);
  });

  test('sends what is behind a # as a part of the path', async () => {
    expect((await get({ Authorization: token }, '/v1/credentials#fragment')).status).toBe(200);
  });
});

describe('JavaScript v3', () => {
  test('asks once more without the header after a 401; with it the next try works', async () => {
    expect((await get({})).status).toBe(401);
    expect((await get()).status).toBe(200);
  });

  test('puts its query in any order, doubled and encoded', async () => {
    for (const query of ['?', '?a=1&b=2', '?b=2&a=1&a=1', '?%61=%20', '?a=%zz'])
      expect((await get({ Authorization: token }, `/v1/credentials${query}`)).status).toBe(200);
  });
});

describe('minio-go', () => {
  test('gives up without Code "Success", and sends the token raw or behind Bearer', async () => {
    for (const Authorization of [token, `Bearer ${token}`]) {
      const answer = await get({ Authorization });
      expect([answer.status, json(answer)['Code'], json(answer)['Type']]).toEqual([200, 'Success', 'AWS-HMAC']);
    }
  });
});

describe('every client', () => {
  test('may come in a burst of 60 with whatever Accept, User-Agent and Accept-Encoding, and none is put off', async () => {
    const headers = [
      {},
      { Accept: '*/*' },
      { Accept: 'text/html' },
      { 'Accept-Encoding': 'gzip, deflate, br' },
      { 'User-Agent': 'aws-sdk-nodejs/3', Accept: 'application/json' },
    ];
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, i) =>
        get({ Authorization: token, ...headers[i % headers.length] }, undefined, 5_000),
      ),
    );
    for (const { status, headers: got, body } of answers) {
      expect(status).toBe(200);
      expect(got['content-encoding']).toBeUndefined();
      expect(got['content-length']).toBe(String(Buffer.byteLength(body)));
      expect(got['cache-control']).toBe('no-store');
    }
  });

  test('gets one and the same session, not one a request', async () => {
    const keys = await Promise.all(
      Array.from({ length: 20 }, async () => json(await get(undefined, undefined, 5_000))['AccessKeyId']),
    );
    expect(new Set(keys).size).toBe(1);
  });
});
