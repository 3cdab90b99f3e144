import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { afterAll, describe, expect, it } from 'vitest';
import { takesIpv6Alone } from '../../src/http/bind.ts';
import { endpointPolicy } from '../../src/http/endpoint/policy.ts';
import { startListener } from '../../src/http/listener.ts';
import { serializeError } from '../../src/http/response.ts';
import { type KeyPair, readKeyPair, TlsFilesUnusable, watchKeyPair } from '../../src/http/tls.ts';
import { selfSignedCertificate } from '../../src/identity-token/keys/certificate.ts';
import { credentialsOf, fakeVending, keptLog, sampleEndpoint, tokenOf, vendedOf } from './support/sample.ts';
import { ask, exchange, listening, replies, socketTo, untilClosed } from './support/wire.ts';

const AUTH = `Authorization: ${tokenOf('alpha')}`;
const GOOD = `GET /v1/credentials HTTP/1.1\r\nHost: localhost\r\n${AUTH}\r\n`;

const folder = mkdtempSync(join(tmpdir(), 'walletcreds-listener-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A self-signed pair; its common name tells which one a connection got. */
function pair(name: string): { certFile: string; keyFile: string } {
  const files = { certFile: join(folder, `${name}.crt`), keyFile: join(folder, `${name}.key`) };
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  writeFileSync(files.keyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  writeFileSync(files.certFile, selfSignedCertificate(privateKey, name, Date.now()));
  return files;
}

function tlsTo(port: number): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => resolve(socket));
    socket.once('error', reject);
  });
}

const nameOn = (socket: TLSSocket) => socket.getPeerCertificate().subject.CN;

describe('opening', () => {
  it('listens on every address of the configuration, IPv4, IPv6 and link-local, each with its own port', async () => {
    const linkLocal = Object.entries(networkInterfaces()).flatMap(([zone, all]) =>
      (all ?? []).filter(a => a.address.startsWith('fe80:')).map(a => `${a.address}%${zone}`),
    )[0];
    const hosts = ['127.0.0.1', '::1', ...(linkLocal === undefined ? [] : [linkLocal])];
    const listen = hosts.map(host => ({ host, port: 0 }));
    const { handler, log } = sampleEndpoint();
    const { listener } = await listening(handler, log, { listen, policy: endpointPolicy({ listen, extraHosts: [] }) });
    expect(listener.addresses.map(({ host }) => host)).toEqual(hosts);
    for (const { host, port } of listener.addresses) {
      const socket = await socketTo(port, host);
      const all = untilClosed(socket);
      socket.write(`GET /v1/credentials HTTP/1.1\r\nHost: [${host}]:${port}\r\n${AUTH}\r\nConnection: close\r\n\r\n`);
      const status = replies(await all)[0]?.status;
      // An IPv4 address has no brackets.
      expect(status, host).toBe(host.includes(':') ? 200 : 403);
    }
  });

  it.each([
    [
      'a busy port',
      'EADDRINUSE',
      /^endpoint\.listen: can't listen on 127\.0\.0\.1:\d+: the port is in use .* change endpoint\.listen$/,
    ],
    [
      'an address of another machine',
      'EADDRNOTAVAIL',
      /^endpoint\.listen: .*203\.0\.113\.9 is no address of this machine; .*$/,
    ],
  ])('says of %s in one line what to change, and leaves nothing open', async (_, code, message) => {
    const busy = createServer().listen(0, '127.0.0.1');
    await new Promise(resolve => busy.once('listening', resolve));
    const port = (busy.address() as { port: number }).port;
    const bad = code === 'EADDRINUSE' ? { host: '127.0.0.1', port } : { host: '203.0.113.9', port: 9 };
    const { handler, log } = sampleEndpoint();
    const failed = listening(handler, log, { listen: [{ host: '127.0.0.1', port: 0 }, bad] });
    await expect(failed).rejects.toMatchObject({ code: 'ListenFailed', message: expect.stringMatching(message) });
    await new Promise(resolve => busy.close(resolve));
  });
});

describe('wildcards', () => {
  it('take IPv4 along on ::, but where 0.0.0.0 has the same port', () => {
    const v6 = { host: '::', port: 9110 };
    expect(takesIpv6Alone(v6, [v6])).toBe(false);
    expect(takesIpv6Alone(v6, [v6, { host: '0.0.0.0', port: 9111 }])).toBe(false);
    expect(takesIpv6Alone(v6, [{ host: '0.0.0.0', port: 9110 }, v6])).toBe(true);
    expect(takesIpv6Alone({ host: '0.0.0.0', port: 9110 }, [v6])).toBe(false);
  });
});

describe('TLS', () => {
  it('serves https beside http, and a new certificate to the next connection without dropping one', async () => {
    const first = pair('first');
    const second = pair('second');
    const tls = { listen: [{ host: '127.0.0.1', port: 0 }], ...first };
    const { handler, log, lines } = sampleEndpoint();
    const { listener } = await listening(handler, log, { tls, limits: { certPollMs: 10 } });
    expect(listener.addresses.map(address => address.tls)).toEqual([false, true]);
    const port = listener.addresses[1]?.port ?? 0;
    const old = await tlsTo(port);
    expect(nameOn(old)).toBe('first');

    copyFileSync(second.keyFile, first.keyFile);
    copyFileSync(second.certFile, first.certFile);
    await expect
      .poll(() => lines.some(line => line.includes('the new certificate is in use')), { interval: 10 })
      .toBe(true);
    const fresh = await tlsTo(port);
    expect(nameOn(fresh)).toBe('second');
    for (const socket of [old, fresh]) {
      const all = untilClosed(socket);
      socket.write(`${GOOD}Connection: close\r\n\r\n`);
      expect(replies(await all)[0]?.status).toBe(200);
    }
  });

  it('keeps the old certificate when the new one is broken, and says so', async () => {
    const files = pair('kept');
    const tls = { listen: [{ host: '127.0.0.1', port: 0 }], ...files };
    const { handler, log, lines } = sampleEndpoint();
    const { listener } = await listening(handler, log, { tls, limits: { certPollMs: 10 } });
    writeFileSync(files.certFile, 'no certificate\n');
    const said = () => lines.filter(line => line.includes('the old one stays in use')).length;
    await expect.poll(said, { interval: 20 }).toBe(1);
    const socket = await tlsTo(listener.addresses[1]?.port ?? 0);
    expect(nameOn(socket)).toBe('kept');
    socket.destroy();
  });

  it('finds a certificate that changed before it first looked, and says nothing of one that is the same', async () => {
    const files = pair('early');
    const later = pair('later');
    const { log, lines } = sampleEndpoint();
    const loaded = readKeyPair({ listen: [], ...files });
    // As between the reading and the first look: the content is another one, the state is the first that is seen.
    copyFileSync(later.keyFile, files.keyFile);
    copyFileSync(later.certFile, files.certFile);
    const pairs: KeyPair[] = [];
    const stop = watchKeyPair({ listen: [], ...files }, loaded, pair => pairs.push(pair), { log, intervalMs: 5 });
    await expect.poll(() => pairs.length, { interval: 5 }).toBe(1);
    expect(pairs[0]?.cert.equals(readFileSync(later.certFile))).toBe(true);
    utimesSync(files.certFile, new Date(0), new Date(0));
    const saidSoFar = () => lines.filter(line => line.includes('the old one stays in use')).length;
    // A look may have come between the two files above.
    const before = saidSoFar();
    const broken = () => saidSoFar() - before;
    // In one step: half a file would be another thing to say.
    writeFileSync(`${files.keyFile}.new`, 'no key\n');
    renameSync(`${files.keyFile}.new`, files.keyFile);
    await expect.poll(broken, { interval: 5 }).toBe(1);
    expect(pairs).toHaveLength(1);
    stop();
  });

  it('refuses a key that others can write or that somebody else owns, and doesn’t hang on a pipe', () => {
    const files = pair('owned');
    const read = () => readKeyPair({ listen: [], ...files });
    chmodSync(files.keyFile, 0o666);
    expect(read).toThrow(/others can write it/);
    chmodSync(files.keyFile, 0o600);
    expect(read().key.length).toBeGreaterThan(100);
    rmSync(files.keyFile);
    execFileSync('mkfifo', [files.keyFile]);
    expect(read).toThrow(TlsFilesUnusable);
  });

  it('refuses to start with a certificate that it can’t use, naming the files', async () => {
    const { certFile } = pair('one');
    const { keyFile } = pair('other');
    const { handler, log } = sampleEndpoint();
    const listen = [{ host: '127.0.0.1', port: 0 }];
    await expect(listening(handler, log, { tls: { listen, certFile, keyFile } })).rejects.toThrow(
      /one\.crt and .*other\.key/,
    );
    const missing = join(folder, 'missing.crt');
    await expect(listening(handler, log, { tls: { listen, certFile: missing, keyFile } })).rejects.toThrow(
      /missing\.crt: can't be read/,
    );
  });

  it('evicts at the limit over TLS too', async () => {
    const { handler, log } = sampleEndpoint();
    const tls = { listen: [{ host: '127.0.0.1', port: 0 }], ...pair('limit') };
    const { listener } = await listening(handler, log, { tls, limits: { maxConnections: 1 } });
    const port = listener.addresses[1]?.port ?? 0;
    const first = await tlsTo(port);
    first.write(`${GOOD}\r\n`);
    const [data] = await once(first, 'data');
    expect(replies(String(data))[0]?.status).toBe(200);
    const evicted = once(first, 'close');
    const socket = await tlsTo(port);
    const all = untilClosed(socket);
    socket.write(`${GOOD}Connection: close\r\n\r\n`);
    expect(replies(await all)[0]?.status).toBe(200);
    await evicted;
  });

  it('evicts a connection that never finishes its handshake for a newer one', async () => {
    const { handler, log } = sampleEndpoint();
    const tls = { listen: [{ host: '127.0.0.1', port: 0 }], ...pair('handshake') };
    const { listener } = await listening(handler, log, { tls, limits: { maxConnections: 4 } });
    const port = listener.addresses[1]?.port ?? 0;
    // Four, and 64 more for connections without a request.
    const silent: Socket[] = [];
    for (let n = 0; n < 68; n++) silent.push(await socketTo(port));
    const evicted = untilClosed(silent[0] as Socket);
    (await tlsTo(port)).destroy();
    expect(await evicted).toBe('');
    expect(silent.slice(1).map(({ closed }) => closed)).toEqual(Array(67).fill(false));
  });

  it('bears plain http on the TLS port', async () => {
    const { handler, log, lines } = sampleEndpoint();
    const tls = { listen: [{ host: '127.0.0.1', port: 0 }], ...pair('plain') };
    const { listener } = await listening(handler, log, { tls });
    const port = listener.addresses[1]?.port ?? 0;
    const socket = await socketTo(port);
    const all = untilClosed(socket);
    socket.write(`${GOOD}\r\n`);
    expect(await all).not.toContain('ASIA');
    expect(lines.join('')).not.toContain(tokenOf('alpha'));
    (await tlsTo(port)).destroy();
  });
});

describe('who may connect', () => {
  it('cuts off a source that is on no list of allow_from, and takes a new list without a restart', async () => {
    const { handler, log } = sampleEndpoint();
    const refused: string[] = [];
    const { listener, port } = await listening(handler, log, {
      allowFrom: ['10.42.0.0/16'],
      refused: code => refused.push(code),
    });
    expect(await exchange(port, `${GOOD}\r\n`)).toEqual([]);
    expect(refused).toEqual(['SourceNotAllowed']);
    listener.update({ allowFrom: ['127.0.0.0/8'] });
    expect((await ask(port, `GET /v1/credentials HTTP/1.1\n${AUTH}`)).status).toBe(200);
  });

  it('takes a new policy and limit for the next request, on connections that are open', async () => {
    const { handler, log } = sampleEndpoint();
    const { listener, port } = await listening(handler, log);
    const head = `GET /v1/credentials HTTP/1.1\n${AUTH}\nHost: creds.internal`;
    expect((await ask(port, head)).status).toBe(403);
    listener.update({ policy: endpointPolicy({ listen: [], extraHosts: ['creds.internal'] }), maxConnections: 1 });
    expect((await ask(port, head)).status).toBe(200);
    const idle = await socketTo(port);
    idle.write('GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await once(idle, 'data');
    const evicted = once(idle, 'close');
    expect((await ask(port, head)).status).toBe(200);
    await evicted;
  });
});

describe('closing', () => {
  it('lets what is in flight end, closes idle connections, and accepts nothing new', async () => {
    let release = () => {};
    const waiting = new Promise<void>(resolve => {
      release = resolve;
    });
    let arrived = () => {};
    const inFlight = new Promise<void>(resolve => {
      arrived = resolve;
    });
    const { log } = keptLog();
    const vending = fakeVending(async ({ workload }) => {
      arrived();
      await waiting;
      return vendedOf(credentialsOf(workload.name));
    });
    const { listener, port } = await listening(sampleEndpoint({ vending }).handler, log);
    const idle = untilClosed(await socketTo(port));
    const busy = await socketTo(port);
    const answered = untilClosed(busy);
    busy.write(`${GOOD}\r\n`);
    await inFlight;
    const closed = listener.close(5_000);
    expect(await idle).toBe('');
    await expect(socketTo(port)).rejects.toThrow('ECONNREFUSED');
    release();
    expect(replies(await answered)[0]?.status).toBe(200);
    await closed;
  });

  it('tells a client that goes on asking to close', async () => {
    let release = () => {};
    const waiting = new Promise<void>(resolve => {
      release = resolve;
    });
    let arrived = () => {};
    const inFlight = new Promise<void>(resolve => {
      arrived = resolve;
    });
    const { log } = keptLog();
    const vending = fakeVending(async ({ workload }) => {
      arrived();
      await waiting;
      return vendedOf(credentialsOf(workload.name));
    });
    const { listener, port } = await listening(sampleEndpoint({ vending }).handler, log);
    const busy = await socketTo(port);
    const answered = untilClosed(busy);
    busy.write(`${GOOD}\r\n`);
    await inFlight;
    const second = new Promise<void>(resolve => {
      arrived = resolve;
    });
    const closed = listener.close(5_000);
    busy.write(`${GOOD}\r\n`);
    await second;
    release();
    const answers = replies(await answered);
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(answers[1]?.headers['connection']).toBe('close');
    await closed;
  });

  it('cuts what has not ended within the time it is given', async () => {
    const { log } = keptLog();
    let arrived = () => {};
    const inFlight = new Promise<void>(resolve => {
      arrived = resolve;
    });
    const vending = fakeVending(() => {
      arrived();
      return new Promise(() => {});
    });
    const { listener, port } = await listening(sampleEndpoint({ vending }).handler, log);
    const busy = await socketTo(port);
    const answered = untilClosed(busy);
    busy.write(`${GOOD}\r\n`);
    await inFlight;
    await listener.close(50);
    expect(await answered).toBe('');
  });

  it('can be closed twice, and when it never served', async () => {
    const { log } = keptLog();
    const listener = await startListener({
      name: 'admin',
      listen: [{ host: '127.0.0.1', port: 0 }],
      policy: endpointPolicy({ listen: [], extraHosts: [] }),
      serializeError,
      handler: () => {},
      log,
    });
    await listener.close(1_000);
    await listener.close(1_000);
  });
});
