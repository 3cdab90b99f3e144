import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http, { type RequestListener } from 'node:http';
import https from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { selfSignedCertificate } from '../../src/identity-token/keys/certificate.ts';
import { assertUrlAllowed, caAgent, type OutboundRequest, request } from '../../src/lib/http-client.ts';
import { fakeClock } from '../support/fake-clock.ts';

async function serve(listener: RequestListener): Promise<string> {
  const server = http.createServer(listener);
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A server that speaks no HTTP: what it does with a connection is the test's. */
async function serveRaw(onConnection: (socket: Socket) => void): Promise<string> {
  const sockets: Socket[] = [];
  const server = createTcpServer(socket => {
    sockets.push(socket.on('error', () => {}));
    onConnection(socket);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'walletcreds-test-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

describe('where a call may go', () => {
  it.each([
    'https://broker.example.com/v1',
    'https://10.0.0.1',
    'http://127.0.0.1:8091/x',
    'http://127.9.9.9',
    'http://[::1]:80/',
  ])('%s: allowed', url => {
    expect(assertUrlAllowed(url).href).toBe(new URL(url).href);
  });

  it.each([
    'http://broker.example.com',
    'http://localhost:8091',
    'http://127.0.0.1.evil.example',
    'http://127.evil.example',
    'http://[::ffff:127.0.0.1]',
    'http://10.0.0.1',
    'http://0.0.0.0',
    'http://169.254.169.254/latest',
    'https://user:secret@broker.example.com',
    'http://user@127.0.0.1',
    'file:///etc/passwd',
    'ftp://127.0.0.1',
    'data:,x',
    'broker.example.com',
    '',
  ])('%s: refused, with no secret in the message', async url => {
    expect(() => assertUrlAllowed(url)).toThrow(expect.objectContaining({ code: 'UrlNotAllowed' }));
    await expect(request({ url })).rejects.toThrow(expect.not.stringContaining('secret'));
  });

  it('is anywhere over http once the configuration allows it, but not by another scheme', () => {
    expect(assertUrlAllowed('http://broker.example.com', true).hostname).toBe('broker.example.com');
    expect(() => assertUrlAllowed('file:///x', true)).toThrow('scheme');
  });
});

describe('a call', () => {
  it('sends method, headers and body, and gives back status, headers and text', async () => {
    const url = await serve((incoming, response) => {
      let body = '';
      incoming.setEncoding('utf8').on('data', chunk => {
        body += chunk;
      });
      incoming.on('end', () => {
        const { method, headers } = incoming;
        response
          .writeHead(418, { 'x-a': 'b' })
          .end(JSON.stringify({ method, length: headers['content-length'], a: headers['a'], body }));
      });
    });
    const answer = await request({ url, method: 'POST', headers: { a: '1' }, body: 'Grüße' });
    expect(answer.status).toBe(418);
    expect(answer.headers['x-a']).toBe('b');
    expect(JSON.parse(answer.body)).toEqual({ method: 'POST', length: '7', a: '1', body: 'Grüße' });
  });

  it.each([301, 302, 303, 307, 308, 300, 304])('never follows a redirect (%d)', async status => {
    let calls = 0;
    const url = await serve((_, response) => {
      calls++;
      response.writeHead(status, { location: '/again' }).end();
    });
    await expect(request({ url, headers: { authorization: 'Bearer x' } })).rejects.toMatchObject({
      code: 'Redirected',
    });
    expect(calls).toBe(1);
  });

  it.each([
    ['announced', { 'content-length': '100000000' }],
    ['not announced', {}],
  ])('stops reading a body that never ends (%s)', async (_, headers) => {
    const url = await serve((__, response) => {
      response.writeHead(200, headers);
      const more = () =>
        void (
          response.destroyed || (response.write('x'.repeat(4096)) ? setImmediate(more) : response.once('drain', more))
        );
      more();
    });
    await expect(request({ url, maxBytes: 10_000 })).rejects.toMatchObject({ code: 'TooLarge' });
  });

  it('takes a body of exactly the limit', async () => {
    const url = await serve((_, response) => void response.end('x'.repeat(100)));
    expect((await request({ url, maxBytes: 100 })).body).toHaveLength(100);
    await expect(request({ url, maxBytes: 99 })).rejects.toMatchObject({ code: 'TooLarge' });
  });

  const stalls: [string, (socket: Socket) => void][] = [
    ['a peer that never answers', () => {}],
    ['a header that never ends', socket => void socket.write('HTTP/1.1 200 OK\r\nx-a: b')],
    ['a body that drips', socket => void socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx')],
  ];
  it.each(stalls)('ends in time with %s', async (_, stall) => {
    let begun = () => {};
    const arrived = new Promise<void>(resolve => {
      begun = resolve;
    });
    const url = await serveRaw(socket =>
      socket.once('data', () => {
        stall(socket);
        begun();
      }),
    );
    const clock = fakeClock();
    const failure = request({ url, timeoutMs: 700, clock }).catch(error => error);
    await arrived;
    await clock.advance(699);
    expect(clock.pending).toBe(1);
    await clock.advance(1);
    expect(await failure).toMatchObject({ code: 'TimedOut' });
  });

  const faults: [string, (socket: Socket) => void][] = [
    ['a connection that is closed', socket => socket.destroy()],
    ['a body that is cut', socket => void socket.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx')],
    ['what is no HTTP', socket => void socket.end('SSH-2.0-OpenSSH\r\n')],
    [
      'a switch of protocols',
      socket => void socket.write('HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'),
    ],
    ['headers without end', socket => void socket.write(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(40_000)}\r\n\r\n`)],
  ];
  it.each(faults)('says that the network failed for %s', async (_, fault) => {
    const url = await serveRaw(socket => socket.once('data', () => fault(socket)));
    await expect(request({ url })).rejects.toMatchObject({ code: 'NetworkError' });
  });

  it('says that the network failed where nobody listens, without what was sent', async () => {
    const failure = await request({ url: 'http://127.0.0.1:1', headers: { authorization: 'Bearer s3cr3t' } }).catch(
      e => e,
    );
    expect(failure).toMatchObject({ code: 'NetworkError' });
    expect(failure.message).toContain('ECONNREFUSED');
    expect(JSON.stringify([failure.message, failure.stack, failure])).not.toContain('s3cr3t');
    expect(failure.cause).toBeUndefined();
  });

  it('is given up when its caller gives up, before or while it runs', async () => {
    let begun = () => {};
    const arrived = new Promise<void>(resolve => {
      begun = resolve;
    });
    const url = await serve(() => begun());
    await expect(request({ url, signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'Aborted' });
    const controller = new AbortController();
    const running = request({ url, signal: controller.signal }).catch(error => error);
    await arrived;
    controller.abort();
    expect(await running).toMatchObject({ code: 'Aborted' });
  });

  it('reuses its connection, and tries once more where the peer has closed it meanwhile', async () => {
    let connections = 0;
    const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
    const url = await serveRaw(socket => {
      connections++;
      let asked = 0;
      socket.on('data', () => {
        asked++;
        if (connections === 1 && asked === 3) socket.resetAndDestroy();
        else socket.write(ok);
      });
    });
    await request({ url });
    await request({ url });
    expect(connections).toBe(1);
    expect((await request({ url })).body).toBe('ok');
    expect(connections).toBe(2);
  });
});

describe('TLS', () => {
  /** A certificate that is its own authority. */
  function authority(dir: string, name: string, host = 'localhost'): { cert: string; key: string; file: string } {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const cert = selfSignedCertificate(privateKey, host, Date.now());
    const file = join(dir, `${name}.pem`);
    writeFileSync(file, cert);
    return { cert, key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string, file };
  }

  async function serveTls(tls: { cert: string; key: string }): Promise<string> {
    const server = https.createServer(tls, (_, response) => void response.end('ok'));
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    return `https://localhost:${(server.address() as AddressInfo).port}`;
  }

  it('trusts the authority in ca_file and no other, even where the environment switches checks off', async () => {
    const dir = folder();
    const [ours, theirs] = [authority(dir, 'ours'), authority(dir, 'theirs')];
    const url = await serveTls(ours);
    const call = (more: Partial<OutboundRequest>) => request({ url, ...more });
    expect((await call({ caFile: ours.file })).body).toBe('ok');
    await expect(call({ caFile: theirs.file })).rejects.toMatchObject({ code: 'NetworkError' });
    await expect(call({})).rejects.toMatchObject({ code: 'NetworkError' });
    const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    try {
      await expect(call({})).rejects.toMatchObject({ code: 'NetworkError' });
    } finally {
      if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
      else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before;
    }
  });

  it('reads ca_file again when it has changed, and keeps its connections while it has not', async () => {
    const dir = folder();
    const [ours, theirs] = [authority(dir, 'ours'), authority(dir, 'theirs')];
    const url = await serveTls(ours);
    const caFile = join(dir, 'ca.pem');
    writeFileSync(caFile, theirs.cert);
    const first = await caAgent(caFile);
    expect(await caAgent(caFile)).toBe(first);
    await expect(request({ url, caFile })).rejects.toMatchObject({ code: 'NetworkError' });
    writeFileSync(caFile, `${ours.cert}\n`);
    expect((await request({ url, caFile })).body).toBe('ok');
    expect(await caAgent(caFile)).not.toBe(first);
  });

  it('says so when ca_file is missing or holds no certificate, naming it', async () => {
    const caFile = join(folder(), 'ca.pem');
    await expect(request({ url: 'https://127.0.0.1:1', caFile })).rejects.toThrow(
      `${caFile}: reading it fails with ENOENT`,
    );
    writeFileSync(caFile, 'nothing');
    await expect(request({ url: 'https://127.0.0.1:1', caFile })).rejects.toMatchObject({ code: 'CaUnreadable' });
  });

  it('refuses a certificate for another name', async () => {
    const elsewhere = authority(folder(), 'elsewhere', 'elsewhere.example');
    const url = await serveTls(elsewhere);
    const failure = await request({ url, caFile: elsewhere.file }).catch(error => error);
    expect(failure.message).toContain('ERR_TLS_CERT_ALTNAME_INVALID');
  });
});

describe('a pooled connection that died', () => {
  const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: keep-alive\r\n\r\nok';

  /** Each connection answers its first request, and does the given thing with a later one. */
  async function serveOnce(later: (socket: Socket) => void, begun: () => Promise<void> = () => Promise.resolve()) {
    const requests: number[] = [];
    const url = await serveRaw(socket => {
      const connection = requests.push(0) - 1;
      socket.on('data', () => {
        requests[connection] = (requests[connection] ?? 0) + 1;
        if (requests[connection] > 1) later(socket);
        else void begun().then(() => socket.write(OK));
      });
    });
    return { url, requests };
  }

  it('is replaced by a fresh one once, though the pool holds others', async () => {
    let open = 0;
    let both = () => {};
    const atBoth = new Promise<void>(resolve => {
      both = resolve;
    });
    const { url, requests } = await serveOnce(
      socket => socket.destroy(),
      () => {
        if (++open === 2) both();
        return atBoth;
      },
    );
    await Promise.all([request({ url }), request({ url })]);
    expect(requests).toEqual([1, 1]);
    expect((await request({ url, method: 'POST', body: 'x' })).body).toBe('ok');
    expect(requests.toSorted()).toEqual([1, 1, 2]);
  });

  it('is an error where part of an answer has come: the call is not made again', async () => {
    const { url, requests } = await serveOnce(socket => {
      socket.write('HTTP/1.1 200 OK\r\n', () => socket.resetAndDestroy());
    });
    await request({ url });
    await expect(request({ url })).rejects.toMatchObject({ code: 'NetworkError' });
    expect(requests).toEqual([2]);
  });

  it('is an error where the fresh one dies as well', async () => {
    let connections = 0;
    const url = await serveRaw(socket => {
      const first = connections++ === 0;
      let asked = 0;
      socket.on('data', () => (first && asked++ === 0 ? socket.write(OK) : socket.destroy()));
    });
    await request({ url });
    await expect(request({ url })).rejects.toMatchObject({ code: 'NetworkError' });
    expect(connections).toBe(2);
  });
});
