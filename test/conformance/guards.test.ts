import { describe, expect, it } from 'vitest';
import { ask, exchange, type Reply, socketTo, untilClosed } from '../http/support/wire.ts';
import { endpoint, expectRefusal, onOne, PATH, TOKEN } from './support.ts';

describe('what protects it', () => {
  it.each(['evil.example', 'localhost.evil.example', '10.0.0.1', '169.254.169.254', 'creds.internal', ''])(
    'guard: refuses Host: %s',
    async host => {
      expectRefusal(await (await endpoint()).get(`Host: ${host}`), 403, 'HostNotAllowed');
    },
  );

  it.each([
    'Forwarded',
    'Via',
    'X-Forwarded-For',
    'X-Forwarded-Host',
    'X-Forwarded-Prefix',
    'X-Real-IP',
    'X-Original-URL',
    'X-Client-IP',
    'True-Client-IP',
    'CF-Connecting-IP',
    'X_Forwarded_For',
    'X_Real_IP',
  ])('guard: refuses what a proxy forwarded, by %s', async name => {
    expectRefusal(await (await endpoint()).get(`${name}: x`), 403, 'ForwardedRequestRefused');
  });

  it.each(['X-Forwarded-Proto: http', 'Sec-Fetch-Mode: cors', 'X-Envoy-Attempt-Count: 1'])(
    'guard: takes %s for no proxy and no web page',
    async field => {
      expect((await (await endpoint()).get(field)).status).toBe(200);
    },
  );

  it('guard: answers node’s own fetch', async () => {
    const { port } = await endpoint();
    const url = `http://127.0.0.1:${port}${PATH}`;
    expect((await fetch(url, { headers: { Authorization: TOKEN } })).status).toBe(200);
    const refused = await fetch(url, { headers: { Authorization: 'wrong' } });
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="walletcreds"']);
  });

  it.each(['Origin', 'Referer', 'Sec-Fetch-Site', 'Sec-Fetch-Dest', 'Sec-Fetch-User'])(
    'guard: refuses what a web page sends, by %s',
    async name => {
      expectRefusal(await (await endpoint()).get(`${name}: x`), 403, 'BrowserRequestRefused');
    },
  );

  it.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'PROPFIND'])(
    'guard: answers %s with 405 and Allow: GET',
    async method => {
      const { port } = await endpoint();
      const reply = await ask(port, `${method} ${PATH} HTTP/1.1\nAuthorization: ${TOKEN}`);
      expectRefusal(reply, 405, 'MethodNotAllowed');
      expect(reply.headers['allow']).toBe('GET');
    },
  );

  it('guard: answers HEAD with 405 and Allow: GET, and sends no credentials’ length along', async () => {
    const { port } = await endpoint();
    const socket = await socketTo(port);
    const all = untilClosed(socket);
    socket.write(`HEAD ${PATH} HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${TOKEN}\r\nConnection: close\r\n\r\n`);
    const text = await all;
    expect(text).toMatch(/^HTTP\/1\.1 405 /);
    expect(text).toMatch(/\r\nAllow: GET\r\n/);
    expect(text).toMatch(/\r\n\r\n$/);
  });

  it.each([
    [431, 'RequestHeaderFieldsTooLarge', `X: ${'x'.repeat(17_000)}\r\n\r\n`],
    [413, 'BodyNotAllowed', 'Content-Length: 2\r\n\r\n{}'],
    [413, 'BodyNotAllowed', 'Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n'],
    [408, 'RequestTimeout', 'X: y'],
    [400, 'BadRequest', 'X y\r\n\r\n'],
    [400, 'BadRequest', 'Host: localhost\r\n\r\n'],
    [400, 'BadRequest', `Authorization: ${TOKEN}\r\n\r\n`],
  ])('guard: %i %s in the one form, then the connection ends', async (status, code, rest) => {
    const { port } = await endpoint({ limits: { headersMs: 80, requestMs: 160, checkEveryMs: 20 } });
    const close = code === 'BadRequest' && rest.includes(': ') ? 'Connection: close\r\n' : '';
    const head = `GET ${PATH} HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${TOKEN}\r\n${close}`;
    const answers = await exchange(port, head + rest);
    expect(answers).toHaveLength(1);
    expectRefusal(answers[0] as Reply, status, code);
  });

  it('guard: evicts an idle connection at the limit', async () => {
    const { port, get } = await endpoint({ limits: { maxConnections: 1 } });
    const idle = await socketTo(port);
    expect((await onOne(idle, 'GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n')).status).toBe(404);
    const evicted = untilClosed(idle);
    expect((await get()).status).toBe(200);
    expect(await evicted).toBe('');
  });

  it('guard: an absolute-form target doesn’t get by the Host guard, nor is it served', async () => {
    const { port } = await endpoint();
    const evil = await ask(port, `GET http://evil.example${PATH} HTTP/1.1\nAuthorization: ${TOKEN}`);
    expectRefusal(evil, 403, 'HostNotAllowed');
    const own = await ask(port, `GET http://127.0.0.1${PATH} HTTP/1.1\nAuthorization: ${TOKEN}`);
    expectRefusal(own, 400, 'BadRequest');
  });

  it('guard: checks Host, forwarded, browser, method, path, token, workload in this order', async () => {
    const { port } = await endpoint();
    const faults = ['Host: evil.example', 'Via: 1.1 x', 'Origin: https://evil.example'];
    const codes: unknown[] = [];
    for (let fixed = 0; fixed <= 3; fixed++) {
      const fields = [fixed === 0 ? [] : ['Host: localhost'], faults.slice(fixed)].flat();
      codes.push((await ask(port, [`POST /nowhere HTTP/1.1`, ...fields].join('\n'))).json()['code']);
    }
    codes.push((await ask(port, 'GET /nowhere HTTP/1.1')).json()['code']);
    codes.push((await ask(port, `GET ${PATH}/another HTTP/1.1`)).json()['code']);
    codes.push((await ask(port, `GET ${PATH}/another HTTP/1.1\nAuthorization: ${TOKEN}`)).json()['code']);
    expect(codes).toEqual([
      'HostNotAllowed',
      'ForwardedRequestRefused',
      'BrowserRequestRefused',
      'MethodNotAllowed',
      'NotFound',
      'InvalidAuthorizationToken',
      'WorkloadMismatch',
    ]);
  });
});
