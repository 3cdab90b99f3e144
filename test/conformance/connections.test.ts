/**
 * Nobody who can connect keeps a workload out: the real program, over real sockets, with clients that hold, open, stall or
 * never read connections.
 */
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { request as requestTls } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { selfSignedCertificate } from '../../src/identity-token/keys/certificate.ts';
import { type Chain, startChain, startServe, tokenOf } from '../support/chain.ts';
import { ask } from '../support/request.ts';

const WALLET = '0x52908400098527886e0f7030069857d2e4169ee7';
const CREDENTIALS = '/v1/credentials';
const LIMIT_16 = () => 'max_connections: 16, ';
const HEAD = (path: string, token = '') => `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${token}\r\n`;

/** `serve` with one workload, credentials in memory. */
async function serving(options: { endpoint?: (chain: Chain) => string; more?: (chain: Chain) => string } = {}) {
  const chain = await startChain();
  onTestFinished(() => chain.close());
  const { endpoint = () => '', more = () => '' } = options;
  const yaml = chain.yaml({ a: WALLET }, more(chain)).replace('endpoint: {', `endpoint: { ${endpoint(chain)}`);
  chain.write('admin-token', 'admin-token-'.padEnd(40, 'z'));
  chain.write('walletcreds.yaml', yaml);
  const serve = startServe(chain);
  onTestFinished(async () => {
    serve.child.kill('SIGKILL');
    await serve.exited;
  });
  await serve.said('credentials from STS');
  const headers = { Authorization: tokenOf(chain, 'a') };
  const vend = () => ask({ port: chain.port, path: CREDENTIALS, headers, timeout: 1_000 });
  return { chain, vend, token: headers.Authorization };
}

/** Connections that stay open until the test is over, or until they are evicted. */
async function hold(port: number, count: number, each: (socket: Socket) => unknown): Promise<Socket[]> {
  const sockets: Socket[] = [];
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
  });
  // Fewer at once than the operating system lets wait to be accepted.
  while (sockets.length < count) {
    const some = Array.from({ length: Math.min(100, count - sockets.length) }, () =>
      connect({ port, host: '127.0.0.1' }).on('error', () => {}),
    );
    sockets.push(...some);
    await Promise.all(
      some.map(async socket => {
        await once(socket, 'connect');
        await each(socket);
      }),
    );
  }
  return sockets;
}

/** Asks once and reads the response. @returns its status; undefined where the connection ends without one */
async function askOnce(socket: Socket, bytes: string): Promise<number | undefined> {
  socket.write(bytes);
  const closed = once(socket, 'close').then(() => undefined);
  const data = await Promise.race([once(socket, 'data').then(([chunk]) => String(chunk)), closed]);
  return data === undefined ? undefined : Number(data.slice(9, 12));
}

async function fiveTimes(vend: () => Promise<{ status: number }>): Promise<number[]> {
  const statuses: number[] = [];
  for (let n = 0; n < 5; n++) statuses.push((await vend()).status);
  return statuses;
}
const FIVE_TIMES_OK = Array(5).fill(200);

/** @returns the key and the certificate's file names, as YAML */
function certificateIn(chain: Chain): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  chain.write('tls.key', String(privateKey.export({ type: 'pkcs8', format: 'pem' })));
  chain.write('tls.crt', selfSignedCertificate(privateKey, 'localhost', Date.now()));
  return 'cert_file: tls.crt, key_file: tls.key';
}

function statusOverTls(port: number, path: string, headers: Record<string, string>): Promise<number | undefined> {
  return new Promise(resolve => {
    const sent = requestTls({ host: '127.0.0.1', port, path, headers, rejectUnauthorized: false, agent: false });
    sent.on('error', () => resolve(undefined));
    sent.on('response', response => resolve(response.resume().statusCode));
    sent.end();
  });
}

describe('a workload is answered', () => {
  it.each([
    ['a few', 7],
    ['many', 500],
  ])(
    'while 16 connections of 16 ask for %s paths that don’t exist and never read',
    async (_, requests) => {
      const { chain, vend } = await serving({ endpoint: LIMIT_16 });
      await hold(chain.port, 16, socket => socket.pause().write(HEAD('/nowhere').repeat(requests)));
      expect(await fiveTimes(vend)).toEqual(FIVE_TIMES_OK);
    },
    60_000,
  );

  it('while 16 connections of 16 ask for one 404 after the other, never read, and fall silent', async () => {
    const { chain, vend } = await serving({ endpoint: LIMIT_16 });
    const sockets = await hold(chain.port, 16, socket => socket.pause());
    for (let n = 0; n < 300; n++) {
      for (const socket of sockets) if (socket.writable) socket.write(HEAD('/nowhere'));
      await new Promise(setImmediate);
    }
    expect(await fiveTimes(vend)).toEqual(FIVE_TIMES_OK);
  }, 60_000);

  it('while 20 connections hold a question to a slow session backend each, on a limit of 16', async () => {
    let questions = 0;
    const backend = createServer(() => {
      questions++;
    }).listen(0, '127.0.0.1');
    onTestFinished(() => {
      backend.closeAllConnections();
      backend.close();
    });
    await once(backend, 'listening');
    const url = `http://127.0.0.1:${(backend.address() as AddressInfo).port}`;
    const { chain, vend } = await serving({
      endpoint: LIMIT_16,
      more: () => `callers: { session_backend: { url: "${url}", listeners: [endpoint], any_wallet: true } }`,
    });
    await hold(chain.port, 20, socket =>
      socket.write(HEAD(CREDENTIALS, `Authorization: session-${String(socket.localPort).padStart(20, '0')}\r\n`)),
    );
    await expect.poll(() => questions).toBeGreaterThanOrEqual(16);
    expect(await fiveTimes(vend)).toEqual(FIVE_TIMES_OK);
  }, 60_000);

  it('while 2,000 connections have asked with a wrong token and stay: in under 100 ms, and never refused', async ({
    annotate,
  }) => {
    const { chain, vend } = await serving();
    const times: number[] = [];
    let over = false;
    const flood = hold(chain.port, 2_000, socket =>
      askOnce(socket, HEAD(CREDENTIALS, 'Authorization: wrong\r\n')),
    ).finally(() => {
      over = true;
    });
    while (!over || times.length < 50) {
      const { status, ms } = await vend();
      expect(status).toBe(200);
      times.push(ms);
    }
    const sockets = await flood;
    const p50 = times.sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? Number.NaN;
    await annotate(`p50 ${p50.toFixed(1)} ms of ${times.length}`);
    expect(p50).toBeLessThan(100);
    const open = () => sockets.filter(({ closed }) => !closed).length;
    await expect.poll(open).toBeLessThanOrEqual(1_024 + 256);
  }, 60_000);

  it('over each of 300 connections that it keeps, as 300 boto3 sessions do', async () => {
    const { chain, token } = await serving();
    const asked: Promise<number | undefined>[] = [];
    await hold(chain.port, 300, socket =>
      asked.push(askOnce(socket, HEAD(CREDENTIALS, `Authorization: ${token}\r\n`))),
    );
    expect(await Promise.all(asked)).toEqual(Array(300).fill(200));
  }, 60_000);

  it('60 times of 60 over TLS, while 1,300 connections say nothing', async () => {
    const { chain, token } = await serving({
      endpoint: chain => `tls: { listen: ["127.0.0.1:${chain.port + 1}"], ${certificateIn(chain)} }, `,
    });
    await hold(chain.port + 1, 1_300, () => {});
    const asked = Array.from({ length: 60 }, () =>
      statusOverTls(chain.port + 1, CREDENTIALS, { Authorization: token }),
    );
    expect(await Promise.all(asked)).toEqual(Array(60).fill(200));
  }, 60_000);
});

describe('public documents are answered', () => {
  it('by broker and admin, while each has 1,024 connections that are kept alive', async () => {
    const { chain } = await serving({
      more: ({ port }) => `broker: { listen: "127.0.0.1:${port + 1}" }`,
    });
    for (const [port, path] of [
      [chain.port + 1, '/.well-known/jwks.json'],
      [chain.port + 2, '/healthz'],
    ] as const) {
      const sockets = await hold(port, 1_024, socket => askOnce(socket, HEAD('/healthz')));
      expect(await fiveTimes(() => ask({ port, path, timeout: 1_000 }))).toEqual(FIVE_TIMES_OK);
      for (const socket of sockets) socket.destroy();
    }
  }, 60_000);
});
