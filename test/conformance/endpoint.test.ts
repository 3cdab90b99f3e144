import { describe, expect, it } from 'vitest';
import { checkEnvFile } from '../../src/aws/doctor/checks/environment.ts';
import { variablesFor } from '../../src/cli/output/container-environment.ts';
import { configFromObject } from '../../src/config/load.ts';
import { StsRefused, StsUnavailable } from '../../src/lib/errors.ts';
import { RELATIVE_ID, tokenOf } from '../http/support/sample.ts';
import { ask, exchange, replies, socketTo, untilClosed } from '../http/support/wire.ts';
import { configFolder } from '../support/config-folder.ts';
import { endpoint, expectRefusal, HOUR, MINUTE, onOne, PATH, settled, TOKEN } from './support.ts';

describe('must', () => {
  it('row 1: serves plain http on 127.0.0.1, and for localhost on ::1 too', async () => {
    const listen = [
      { host: '127.0.0.1', port: 0 },
      { host: '::1', port: 0 },
    ];
    const { listener, w } = await endpoint({ listen });
    for (const { host, port } of listener.addresses) {
      const socket = await socketTo(port, host);
      const all = untilClosed(socket);
      socket.write(
        `GET ${PATH}/${w.name} HTTP/1.1\r\nHost: localhost:${port}\r\nAuthorization: ${TOKEN}\r\nConnection: close\r\n\r\n`,
      );
      expect(replies(await all)[0]?.status).toBe(200);
    }
  });

  it('row 2: answers under RELATIVE_URI with the secret in the path, no query and no header, as 169.254.170.2', async () => {
    const { port } = await endpoint();
    const reply = await ask(port, `GET /v2/credentials/${RELATIVE_ID} HTTP/1.1\nHost: 169.254.170.2`);
    expect(reply.status).toBe(200);
    expectRefusal(
      await ask(port, `GET /v2/credentials/${RELATIVE_ID}0 HTTP/1.1\nHost: 169.254.170.2`),
      404,
      'NotFound',
    );
  });

  it.each([
    '',
    'Accept: */*',
    'Accept: application/json',
    'Accept: text/html',
    'User-Agent: aws-sdk-rust/1.3.3',
    'User-Agent:',
    'Accept-Encoding: gzip, deflate, br',
    'Accept-Encoding: identity;q=0',
  ])('row 3: takes GET over HTTP/1.1 with %j', async field => {
    expect((await (await endpoint()).get(field)).status).toBe(200);
  });

  it.each(['127.0.0.1', '127.0.0.1:9110', 'localhost', '::1', '[::1]', '[::1]:9110', 'fd00:ec2::23'])(
    'row 4: takes Host: %s',
    async host => {
      expect((await (await endpoint()).get(`Host: ${host}`)).status).toBe(200);
    },
  );

  it.each([
    ['?', 200],
    ['?b=2&a=1&a=1', 200],
    ['?a=%2e%2e%2f', 200],
    ['#fragment', 200],
    ['?a=1#fragment', 200],
    ['/', 404],
    ['/../credentials', 404],
    ['%2f', 404],
    ['/a/b', 404],
  ])('row 5: matches the path exactly and ignores query and fragment: %s', async (suffix, status) => {
    expect((await (await endpoint()).get('', `${PATH}${suffix}`)).status).toBe(status);
  });

  it('row 5: takes an encoded path for another path', async () => {
    const { get } = await endpoint();
    for (const path of ['/v1/%63redentials', '/V1/credentials', '/v1/./credentials', '/x/../v1/credentials']) {
      expectRefusal(await get('', path), 404, 'NotFound');
    }
  });

  it('row 6: never redirects, whatever the path looks like', async () => {
    const { get } = await endpoint();
    for (const path of [
      '/',
      '//',
      '/v1',
      `${PATH}/`,
      `/${PATH}`,
      `${PATH}//`,
      '/v1//credentials',
      '/v2/credentials/',
    ]) {
      const reply = await get('', path);
      expect(reply.status, path).toBe(404);
      expect(reply.headers, path).not.toHaveProperty('location');
    }
  });

  it('row 7: gives one JSON object whose four fields are strings in their exact case, never empty', async () => {
    const body = (await (await endpoint()).get()).json();
    for (const field of ['AccessKeyId', 'SecretAccessKey', 'Token', 'Expiration']) {
      expect(body[field], field).toEqual(expect.stringMatching(/^.+$/));
    }
  });

  it('row 8: dates Expiration in UTC, in whole seconds, with a literal Z', async () => {
    const { get, clock } = await endpoint();
    const expiration = (await get()).json()['Expiration'];
    expect(expiration).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect(Date.parse(String(expiration))).toBe(clock.wall() + HOUR);
  });

  it('row 9: refuses a session token that makes the body larger than 10,000 bytes, and says so', async () => {
    const sts = await endpoint();
    sts.exchange.answer = call => call.grant({ sessionToken: 'x'.repeat(9_000) });
    const fits = await sts.get();
    expect(fits.status).toBe(200);
    expect(fits.body.length).toBeLessThanOrEqual(10_000);
    const large = await endpoint();
    large.exchange.answer = call => call.grant({ sessionToken: 'x'.repeat(10_000) });
    const reply = await large.get();
    expectRefusal(reply, 403, 'ResponseTooLarge');
    expect(reply.json()['message']).toMatch(/10000/);
  });

  it('row 10: sends Code as exactly Success, LastUpdated as RFC 3339, no two keys that differ in case alone, no aliases', async () => {
    const body = (await (await endpoint()).get()).json();
    expect(body['Code']).toBe('Success');
    expect(body['LastUpdated']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    const keys = Object.keys(body).map(key => key.toLowerCase());
    expect(new Set(keys).size).toBe(keys.length);
    for (const alias of ['sessiontoken', 'expiresat', 'accesskey', 'secretkey']) expect(keys).not.toContain(alias);
  });

  it('row 11: writes errors as one line of JSON with code and message twice, as application/json without a charset', async () => {
    const { get, port } = await endpoint();
    const refusals = [
      await get('', PATH, 'wrong'),
      await get('Via: 1.1 x'),
      await get('', '/nowhere'),
      await ask(port, `POST ${PATH} HTTP/1.1`),
      ...(await exchange(port, 'nonsense\r\n\r\n')),
    ];
    for (const reply of refusals) {
      expect(reply.status).toBeGreaterThanOrEqual(400);
      expect(reply.headers['content-type']).toBe('application/json');
      expect(reply.body).not.toMatch(/[\r\n]/);
      const { code, message, Code, Message } = reply.json();
      expect([Code, Message]).toEqual([code, message]);
      expect(code).toMatch(/^[A-Za-z]+$/);
      expect(message).toMatch(/./);
    }
  });

  it('row 12: compares the whole Authorization value, raw, with no scheme needed', async () => {
    const { get } = await endpoint();
    expect((await get('', PATH, TOKEN)).status).toBe(200);
    for (const token of [TOKEN.slice(0, -1), `${TOKEN}x`, TOKEN.toUpperCase(), `Basic ${TOKEN}`, `"${TOKEN}"`]) {
      expectRefusal(await get('', PATH, token), 401, 'InvalidAuthorizationToken');
    }
  });

  it('row 13: takes the old and the new token for an overlap, then only the new one', async () => {
    const { get, tokens, clock, w } = await endpoint();
    const renewed = tokenOf('renewed');
    tokens.reload([{ value: renewed, workload: w }], 5 * MINUTE);
    expect([(await get()).status, (await get('', PATH, renewed)).status]).toEqual([200, 200]);
    await clock.advance(5 * MINUTE);
    expect([(await get()).status, (await get('', PATH, renewed)).status]).toEqual([401, 200]);
  });

  it('row 14: exports exactly one of token and token file, and never a RELATIVE_URI beside a FULL_URI', () => {
    const fullUri = 'http://127.0.0.1:9110/v1/credentials';
    const wallet = { tag: 'agentkeys_user_wallet', value: '0x52908400098527886e0f7030069857d2e4169ee7' };
    const token = variablesFor({ fullUri, token: TOKEN, region: 'us-east-1', wallet });
    const file = variablesFor({ fullUri, tokenFile: '/run/token', region: 'us-east-1', wallet });
    for (const [variables, name] of [
      [token, 'TOKEN'],
      [file, 'TOKEN_FILE'],
    ] as const) {
      const names = Object.keys(variables).filter(key => key.startsWith('AWS_CONTAINER_'));
      expect(names.toSorted()).toEqual([`AWS_CONTAINER_AUTHORIZATION_${name}`, 'AWS_CONTAINER_CREDENTIALS_FULL_URI']);
    }
  });

  it('row 15: answers from memory at once: no timer has to pass', async () => {
    const { get, exchange: sts } = await endpoint();
    await get();
    // The clock stands still, so an answer that waited for anything would never come.
    expect((await get()).status).toBe(200);
    expect(sts.calls).toHaveLength(1);
  });

  it('row 16: asks STS once for many first requests, and a client that hangs up cancels nothing', async () => {
    const { get, exchange: sts, port } = await endpoint();
    sts.answer = () => {};
    const leaving = await socketTo(port);
    leaving.write(`GET ${PATH} HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${TOKEN}\r\n\r\n`);
    const waiting = Array.from({ length: 40 }, () => get());
    await expect.poll(() => sts.calls.length).toBe(1);
    await settled();
    leaving.destroy();
    await settled();
    expect(sts.calls[0]?.signal?.aborted ?? false).toBe(false);
    sts.calls[0]?.grant();
    expect(new Set((await Promise.all(waiting)).map(({ status }) => status))).toEqual(new Set([200]));
    expect(sts.calls).toHaveLength(1);
  });

  it('row 17: hands out more than 15 minutes as long as STS gives any, and never what has expired', async () => {
    const { get, clock } = await endpoint();
    for (let minute = 0; minute < 180; minute += 5) {
      const reply = await get();
      expect(reply.status).toBe(200);
      expect(Date.parse(String(reply.json()['Expiration'])) - clock.wall()).toBeGreaterThan(15 * MINUTE);
      await clock.advance(5 * MINUTE);
    }
  });

  it('row 18: answers a wrong or missing token 401 each time, and locks nobody out', async () => {
    const { get, port } = await endpoint();
    for (let i = 0; i < 10; i++) expectRefusal(await get('', PATH, `wrong-${i}`), 401, 'InvalidAuthorizationToken');
    expectRefusal(await ask(port, `GET ${PATH} HTTP/1.1`), 401, 'InvalidAuthorizationToken');
    expect((await get()).status).toBe(200);
  });

  it('row 19: answers 503, not 429, while upstream is down and nothing valid is in memory', async () => {
    const { get, exchange: sts } = await endpoint();
    sts.answer = call => call.fail(new StsUnavailable('throttled'));
    for (let i = 0; i < 5; i++) {
      const reply = await get();
      expectRefusal(reply, 503, 'StsUnavailable');
      expect(reply.headers['retry-after']).toBe('1');
    }
  });

  it('row 20: takes bursts of 60 connections and hundreds of requests a second without a 429', async () => {
    const { get, port } = await endpoint();
    const burst = await Promise.all(Array.from({ length: 60 }, () => get()));
    const one = `GET ${PATH} HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${TOKEN}\r\n`;
    const many = await exchange(port, `${`${one}\r\n`.repeat(499)}${one}Connection: close\r\n\r\n`);
    expect(many).toHaveLength(500);
    expect(new Set([...burst, ...many].map(({ status }) => status))).toEqual(new Set([200]));
  });
});

describe('should', () => {
  it('row 21: sends the full set of fields', async () => {
    const { get, w } = await endpoint();
    expect((await get()).json()).toEqual({
      AccessKeyId: 'ASIA1',
      SecretAccessKey: `secret-of-${w.wallet}`,
      Token: `session-of-${w.name}`,
      Expiration: expect.any(String),
      RoleArn: w.role.arn,
      AccountId: expect.stringMatching(/^\d{12}$/),
      Code: 'Success',
      Type: 'AWS-HMAC',
      LastUpdated: expect.any(String),
    });
  });

  it('row 22: has the first credentials in memory before anybody asks, where a workload is prefetched', async () => {
    const { get, vending, exchange: sts, w } = await endpoint();
    vending.reconcile([{ workload: w, prefetch: true }]);
    await expect.poll(() => vending.status()[0]?.hadCredentials).toBe(true);
    expect(sts.calls).toHaveLength(1);
    expect((await get()).status).toBe(200);
    expect(sts.calls).toHaveLength(1);
  });

  it('row 23: holds a cold miss for 0.9 s at most, then 503 with Retry-After: 1, and goes on fetching', async () => {
    const { get, exchange: sts, clock } = await endpoint();
    sts.answer = () => {};
    let answered = false;
    const waiting = get().finally(() => {
      answered = true;
    });
    await expect.poll(() => sts.calls.length).toBe(1);
    await clock.advance(899);
    await settled();
    expect(answered).toBe(false);
    await clock.advance(1);
    const reply = await waiting;
    expectRefusal(reply, 503, 'CredentialsUninitialized');
    expect(reply.headers['retry-after']).toBe('1');
    sts.calls[0]?.grant();
    await settled();
    expect((await get()).json()['AccessKeyId']).toBe('ASIA1');
    expect(sts.calls).toHaveLength(1);
  });

  it('row 24: serves what is still valid while renewal fails, down to about 60 s, then 503', async () => {
    const { get, exchange: sts, clock } = await endpoint();
    await get();
    sts.answer = call => call.fail(new StsUnavailable('down'));
    await clock.advance(HOUR - 61_000);
    expect((await get()).json()['AccessKeyId']).toBe('ASIA1');
    await clock.advance(2_000);
    expectRefusal(await get(), 503, 'StsUnavailable');
    expect(sts.calls.length).toBeGreaterThan(1);
  });

  it.each([
    [new StsRefused('AccessDenied', 'Not authorized'), 403, 'AccessDenied', undefined],
    [new StsRefused('InvalidIdentityToken', 'No provider'), 403, 'InvalidIdentityToken', undefined],
    [new StsRefused('ExpiredTokenException', 'Expired'), 403, 'ExpiredTokenException', undefined],
    [new StsUnavailable('Throttling: slow down'), 503, 'StsUnavailable', '1'],
  ])('row 25: answers %s with %s %s', async (error, status, code, retryAfter) => {
    const { get, exchange: sts } = await endpoint();
    sts.answer = call => call.fail(error);
    const reply = await get();
    expectRefusal(reply, status, code);
    expect(reply.headers['retry-after']).toBe(retryAfter);
  });

  it('row 26: sends Content-Length, no compression, no-store, and keeps the connection for minutes', async () => {
    const { port } = await endpoint();
    const socket = await socketTo(port);
    for (const token of [TOKEN, 'wrong', TOKEN]) {
      const reply = await onOne(
        socket,
        `GET ${PATH} HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${token}\r\nAccept-Encoding: gzip\r\n\r\n`,
      );
      expect(reply.status).toBe(token === TOKEN ? 200 : 401);
      expect(reply.headers['content-length']).toBe(String(Buffer.byteLength(reply.body)));
      expect(reply.headers).not.toHaveProperty('content-encoding');
      expect(reply.headers).not.toHaveProperty('transfer-encoding');
      expect(reply.headers['cache-control']).toBe('no-store');
      expect(reply.headers['connection']).toBe('keep-alive');
      expect(Number(/timeout=(\d+)/.exec(reply.headers['keep-alive'] ?? '')?.[1])).toBeGreaterThanOrEqual(120);
    }
  });

  it('row 27: renews an hour’s credentials when less than 20 minutes are left, a little jitter aside, in the background, once', async () => {
    const { get, exchange: sts, clock } = await endpoint();
    await get();
    await clock.advance(40 * MINUTE - 1_000);
    expect((await get()).json()['AccessKeyId']).toBe('ASIA1');
    expect(sts.calls).toHaveLength(1);
    await clock.advance(2 * MINUTE + 12_000);
    expect((await get()).json()['AccessKeyId']).toBe('ASIA2');
    await clock.advance(30_000);
    expect(sts.calls).toHaveLength(2);
  });

  it('row 28: takes Bearer before the token', async () => {
    const { get } = await endpoint();
    expect((await get('', PATH, `Bearer ${TOKEN}`)).status).toBe(200);
    expectRefusal(await get('', PATH, `Bearer ${TOKEN}x`), 401, 'InvalidAuthorizationToken');
  });

  it('row 29: warns about sessions under 30 minutes, and about variables that come before the endpoint in the chain', async () => {
    const folder = configFolder();
    const token = folder.write('token', TOKEN);
    const config = (duration: string) =>
      configFromObject(
        {
          region: 'us-east-1',
          role_arn: 'arn:aws:iam::123456789012:role/data',
          session_duration: duration,
          identity_token: { signer: { issuer: 'https://oidc.example.com' } },
          workloads: { a: { wallet: '0x52908400098527886e0f7030069857d2e4169ee7', token_file: token } },
        },
        { env: {}, baseDir: folder.dir },
      );
    expect((await config('29m')).warnings.join()).toContain('session_duration: under 30 minutes');
    const usual = await config('30m');
    expect(usual.warnings).toEqual([]);
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_PROFILE', 'AWS_WEB_IDENTITY_TOKEN_FILE']) {
      const file = folder.write(name, `${name}=x`);
      expect(checkEnvFile(file, usual)).toContainEqual(
        expect.objectContaining({ code: 'env-shadowed', where: `${file}:1 ${name}` }),
      );
    }
  });

  it('row 30: offers the token in the environment, for clients that ignore the file', () => {
    const variables = variablesFor({
      fullUri: 'http://127.0.0.1:9110/v1/credentials',
      token: TOKEN,
      region: 'us-east-1',
      wallet: { tag: 'agentkeys_user_wallet', value: '0x52908400098527886e0f7030069857d2e4169ee7' },
    });
    expect(variables['AWS_CONTAINER_AUTHORIZATION_TOKEN']).toBe(TOKEN);
  });
});
