import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { credentialsOf, fakeVending, keptLog, sampleEndpoint, tokenOf, vendedOf } from './support/sample.ts';
import { ask, exchange, listening, type Reply, replies, socketTo } from './support/wire.ts';

const AUTH = `Authorization: ${tokenOf('alpha')}`;
const GOOD = `GET /v1/credentials HTTP/1.1\r\nHost: 127.0.0.1\r\n${AUTH}\r\n`;

/** Every refusal has the one form, from each layer. */
function expectForm(reply: Reply | undefined, status: number, code: string): void {
  expect(reply?.status).toBe(status);
  expect(reply?.headers['content-type']).toBe('application/json');
  expect(reply?.body).not.toContain('\n');
  const { message, ...rest } = reply?.json() ?? {};
  expect(rest).toMatchObject({ code, Code: code, Message: message });
  expect(typeof message).toBe('string');
}

async function endpoint(more: Parameters<typeof listening>[2] = {}) {
  const sample = sampleEndpoint();
  const refused: string[] = [];
  const wire = await listening(sample.handler, sample.log, { refused: code => refused.push(code), ...more });
  return { ...sample, ...wire, refused };
}

describe('malformed requests over a bare socket', () => {
  it.each<[string, string, number, string]>([
    ['garbage', 'hello\r\n\r\n', 400, 'BadRequest'],
    ['a TLS hello on the plain port', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n', 400, 'BadRequest'],
    ['HTTP/2 with prior knowledge', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400, 'BadRequest'],
    ['HTTP/3.7', 'GET / HTTP/3.7\r\nHost: localhost\r\n\r\n', 400, 'BadRequest'],
    ['a space in the target', 'GET /v1/ credentials HTTP/1.1\r\nHost: localhost\r\n\r\n', 400, 'BadRequest'],
    ['a space before the colon', 'GET / HTTP/1.1\r\nHost : localhost\r\n\r\n', 400, 'BadRequest'],
    ['a folded header', 'GET / HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b\r\nY\r\n\r\n', 400, 'BadRequest'],
    ['a NUL in a header', 'GET / HTTP/1.1\r\nHost: local\x00host\r\n\r\n', 400, 'BadRequest'],
    ['a bare LF in a header', 'GET / HTTP/1.1\r\nHost: localhost\nX: y\r\n\r\n', 400, 'BadRequest'],
    ['no Host', 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n', 400, 'BadRequest'],
    ['no Host in HTTP/1.0', 'GET / HTTP/1.0\r\n\r\n', 400, 'BadRequest'],
    ['two lengths', `${GOOD}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`, 400, 'BadRequest'],
    ['a negative length', `${GOOD}Content-Length: -1\r\n\r\n`, 400, 'BadRequest'],
    [
      'length and chunked',
      `${GOOD}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      400,
      'BadRequest',
    ],
    ['chunked twice', `${GOOD}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`, 400, 'BadRequest'],
    ['a chunked body', `${GOOD}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`, 413, 'BodyNotAllowed'],
    ['a body', `${GOOD}Content-Length: 3\r\n\r\nabc`, 413, 'BodyNotAllowed'],
    ['a body that never comes', `${GOOD}Content-Length: 3000000\r\n\r\n`, 413, 'BodyNotAllowed'],
    ['CONNECT', 'CONNECT 127.0.0.1:80 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n', 405, 'MethodNotAllowed'],
    ['CONNECT for elsewhere', 'CONNECT e.example:443 HTTP/1.1\r\nHost: e.example\r\n\r\n', 403, 'HostNotAllowed'],
    ['20 KiB of header', `${GOOD}X: ${'x'.repeat(100_000)}\r\n\r\n`, 431, 'RequestHeaderFieldsTooLarge'],
    ['1 MiB of header', `${GOOD}X: ${'x'.repeat(1_048_576)}\r\n\r\n`, 431, 'RequestHeaderFieldsTooLarge'],
    ['17 KiB of target', `GET /${'x'.repeat(17_000)} HTTP/1.1\r\n\r\n`, 431, 'RequestHeaderFieldsTooLarge'],
  ])('%s: one answer in our form, then closed', async (_, bytes, status, code) => {
    const { port, lines, refused } = await endpoint();
    const answers = await exchange(port, bytes);
    expect(answers).toHaveLength(1);
    expectForm(answers[0], status, code);
    expect(answers[0]?.headers['connection']).toBe('close');
    expect(refused).toEqual([code]);
    expect(lines.join('')).not.toContain(tokenOf('alpha'));
  });

  it('sees a guard’s header behind two thousand others', async () => {
    const { port } = await endpoint();
    const many = Array.from({ length: 2_500 }, () => 'a:').join('\r\n');
    const [reply] = await exchange(port, `${GOOD}${many}\r\nX-Forwarded-For: 1\r\nConnection: close\r\n\r\n`);
    expectForm(reply, 403, 'ForwardedRequestRefused');
  });

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])(
    'answers a request with a field named %s, in whatever way, and goes on',
    async name => {
      const { port } = await endpoint();
      const [reply] = await exchange(port, `${GOOD}${name}: 1\r\n${name}: 2\r\nConnection: close\r\n\r\n`);
      expect([200, 400]).toContain(reply?.status);
      expect((await ask(port, `GET /v1/credentials HTTP/1.1\n${AUTH}`)).status).toBe(200);
    },
  );

  it('doesn’t take a refused request’s body for the next request', async () => {
    const { port } = await endpoint();
    const answers = await exchange(port, `${GOOD}Content-Length: ${GOOD.length + 2}\r\n\r\n${GOOD}\r\n`);
    expect(answers.map(({ status }) => status)).toEqual([413]);
  });

  it('serves a header of just under 16 KiB, Upgrade to HTTP/2 (by staying with 1.1) and Expect: 100-continue', async () => {
    const { port } = await endpoint();
    expect((await ask(port, `GET /v1/credentials HTTP/1.1\n${AUTH}\nX: ${'x'.repeat(15_000)}`)).status).toBe(200);
    const h2c =
      'Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\nConnection: Upgrade, HTTP2-Settings, close';
    expect((await exchange(port, `${GOOD}${h2c}\r\n\r\n`)).map(({ status }) => status)).toEqual([200]);
    expect((await ask(port, `GET /v1/credentials HTTP/1.1\n${AUTH}\nExpect: 100-continue`)).status).toBe(200);
    expectForm(await ask(port, `GET /v1/credentials HTTP/1.1\n${AUTH}\nExpect: cake`), 400, 'BadRequest');
  });

  it('answers pipelined requests in their order, each its own token’s credentials', async () => {
    const waiting: (() => void)[] = [];
    const { log } = keptLog();
    const vending = fakeVending(({ workload }) => {
      const vended = vendedOf(credentialsOf(workload.name));
      // The first waits until the second has its credentials.
      if (workload.name === 'alpha') return new Promise(resolve => waiting.push(() => resolve(vended)));
      for (const release of waiting) release();
      return vended;
    });
    const { port } = await listening(sampleEndpoint({ vending }).handler, log);
    const beta = GOOD.replace(tokenOf('alpha'), tokenOf('beta'));
    const answers = await exchange(port, `${GOOD}\r\n${beta}Connection: close\r\n\r\n`);
    expect(answers.map(answer => answer.json()['AccessKeyId'])).toEqual(['ASIAALPHA', 'ASIABETA']);
  });

  it('answers what is due before it refuses the garbage behind it', async () => {
    const { port } = await endpoint();
    const missing = 'GET /x HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n';
    const answers = await exchange(port, `${missing}\0\0\r\n\r\n`);
    expect(answers.map(({ status }) => status)).toEqual([404, 400]);
  });

  it.each(['HTTP/0.9', 'HTTP/2.0'])('refuses a request that says %s', async version => {
    const { port } = await endpoint();
    expectForm(await ask(port, `GET /v1/credentials ${version}\n${AUTH}`), 400, 'BadRequest');
  });

  it('bears a client that hangs up before, during and after its request', async () => {
    let release = () => {};
    const waiting = new Promise<void>(resolve => {
      release = resolve;
    });
    let asked = () => {};
    const arrived = new Promise<void>(resolve => {
      asked = resolve;
    });
    const { log, lines } = keptLog();
    const vending = fakeVending(async ({ workload }) => {
      asked();
      await waiting;
      return vendedOf(credentialsOf(workload.name));
    });
    const { port, listener } = await listening(sampleEndpoint({ vending, log }).handler, log);
    (await socketTo(port)).destroy();
    (await socketTo(port)).end('GET /v1/cred');
    const leaving = await socketTo(port);
    leaving.write(`${GOOD}\r\n`);
    await arrived;
    leaving.destroy();
    release();
    const [reply] = await exchange(port, `${GOOD}Connection: close\r\n\r\n`);
    expect(reply?.status).toBe(200);
    expect(lines.filter(line => line.includes('"level":50'))).toEqual([]);
    await listener.close(1_000);
  });
});

describe('slow requests', () => {
  const limits = { headersMs: 60, requestMs: 120, checkEveryMs: 20 };

  it.each([
    ['a header that stops half-way', 'GET /v1/credentials HTTP/1.1\r\nHost: loc'],
    ['a connection that says nothing', ''],
  ])('%s: 408 in our form, then closed', async (_, bytes) => {
    const { port } = await endpoint({ limits });
    const [reply] = await exchange(port, bytes);
    expectForm(reply, 408, 'RequestTimeout');
  });

  it('leaves an idle connection that has had its answer open', async () => {
    const { port } = await endpoint({ limits });
    const socket = await socketTo(port);
    const answered = () =>
      new Promise<string>(resolve => socket.once('data', chunk => resolve(chunk.toString('latin1'))));
    const first = answered();
    socket.write(`${GOOD}\r\n`);
    expect(replies(await first)[0]?.headers['keep-alive']).toBe('timeout=300');
    // A second connection times out meanwhile: the check has run.
    expectForm((await exchange(port, 'GET'))[0], 408, 'RequestTimeout');
    const second = answered();
    socket.write(`${GOOD}\r\n`);
    expect(replies(await second)[0]?.status).toBe(200);
  });
});

describe('the connection limit', () => {
  it('answers 503 and closes where every other connection has a response on its way', async () => {
    const { port, lines } = await endpoint({ limits: { maxConnections: 1 } });
    const busy = (await socketTo(port)).pause();
    // More than the operating system takes in for a client that doesn't read.
    busy.write(`${GOOD}\r\n`.repeat(100_000));
    let vended = 0;
    const isStuck = () => {
      const before = vended;
      vended = lines.length;
      return vended > 0 && vended === before;
    };
    await expect.poll(isStuck, { interval: 100, timeout: 10_000 }).toBe(true);
    const beta = GOOD.replace(tokenOf('alpha'), tokenOf('beta'));
    const [reply] = await exchange(port, `${beta}\r\n`);
    expectForm(reply, 503, 'TooManyConnections');
    expect(reply?.headers).toMatchObject({ 'retry-after': '1', connection: 'close' });
  });

  it('evicts the longest idle connection of a workload that has a quarter of them', async () => {
    const { port } = await endpoint({ limits: { maxConnections: 8 } });
    const keep = async (token: string) => {
      const socket = await socketTo(port);
      socket.write(`${GOOD.replace(tokenOf('alpha'), token)}\r\n`);
      const [data] = await once(socket, 'data');
      return { socket, status: replies(String(data))[0]?.status };
    };
    const beta = await keep(tokenOf('beta'));
    const first = await keep(tokenOf('alpha'));
    const evicted = once(first.socket, 'close');
    const second = await keep(tokenOf('alpha'));
    const third = await keep(tokenOf('alpha'));
    await evicted;
    expect([beta, first, second, third].map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect([beta, second, third].map(({ socket }) => socket.closed)).toEqual([false, false, false]);
  });
});
