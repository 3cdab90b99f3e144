/**
 * Calls through a real CONNECT proxy: to a name that only the proxy resolves, with TLS from end to end.
 *
 * @module
 */
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createExchange } from '../../src/credentials/sts/create-exchange.ts';
import { selfSignedCertificate } from '../../src/identity-token/keys/certificate.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { type EgressProxy, isProxied, parseEgressProxy } from '../../src/lib/egress-proxy.ts';
import { request } from '../../src/lib/http-client.ts';
import { InvalidValue } from '../../src/lib/invalid-value.ts';
import { identityToken, JWT, silent, stsConfig } from '../credentials/sts/support.ts';
import { type ConnectProxy, startConnectProxy } from '../support/connect-proxy.ts';
import { temporaryFolder } from '../support/process.ts';
import { workload } from '../support/workload.ts';

/** A name that no resolver knows. */
const HOST = 'target.invalid';
const BASIC = `Basic ${Buffer.from('user:p@ss').toString('base64')}`;
const folder = temporaryFolder('egress');
const caFile = join(folder.path, 'ca.pem');
let target: Server;
let url: string;
let asked: string[] = [];
const proxies: ConnectProxy[] = [];

beforeAll(async () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const cert = selfSignedCertificate(privateKey, HOST, Date.now());
  writeFileSync(caFile, cert);
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  target = createServer({ cert, key }, (incoming, response) => {
    asked.push(incoming.headers.authorization ?? '');
    response.writeHead(503).end('of the target');
  });
  await new Promise<void>(resolve => target.listen(0, '127.0.0.1', resolve));
  url = `https://${HOST}:${(target.address() as AddressInfo).port}`;
});
afterEach(async () => {
  asked = [];
  await Promise.all(proxies.splice(0).map(proxy => proxy.close()));
});
afterAll(() => {
  target.closeAllConnections();
  target.close();
  folder.remove();
});

async function started(options?: Parameters<typeof startConnectProxy>[0]): Promise<ConnectProxy> {
  const proxy = await startConnectProxy(options);
  proxies.push(proxy);
  return proxy;
}
const call = (proxy: EgressProxy) =>
  request({ url, caFile, proxy, headers: { authorization: 'Bearer secret-bearer' }, timeoutMs: 5_000 });
async function exchangeError(proxy: EgressProxy): Promise<Error & { code?: string }> {
  const sts = stsConfig(url, { caFile, proxy });
  const exchange = createExchange({ sts, region: 'us-east-1', clock: systemClock, log: silent });
  try {
    return await exchange.exchange(workload(), identityToken()).then(
      () => new Error('credentials'),
      (error: Error) => error,
    );
  } finally {
    exchange.close();
  }
}

describe('through a proxy', () => {
  test('a call reaches a host that only the proxy resolves, on one tunnel, and the proxy reads nothing of it', async () => {
    const proxy = await started();
    const egress = parseEgressProxy(proxy.url);
    expect(await call(egress)).toMatchObject({ status: 503, body: 'of the target' });
    expect(await call(egress)).toMatchObject({ status: 503 });
    expect(asked).toEqual(['Bearer secret-bearer', 'Bearer secret-bearer']);
    expect(proxy.targets).toEqual([new URL(url).host]);
    expect(proxy.sent()).not.toBe('');
    expect(proxy.sent()).not.toContain('secret-bearer');
  });

  test('an exchange at STS does, too', async () => {
    const proxy = await started();
    const error = await exchangeError(parseEgressProxy(proxy.url));
    expect(error).toMatchObject({ code: 'StsUnavailable', message: expect.stringContaining('answers 503') });
    expect(proxy.targets).toEqual([new URL(url).host]);
    expect(proxy.sent()).not.toContain(JWT.slice(0, 40));
  });

  test('Basic credentials of its URL open it', async () => {
    const proxy = await started({ authorization: BASIC });
    const egress = parseEgressProxy(proxy.url.replace('//', '//user:p%40ss@'));
    expect(egress.url).toBe(proxy.url);
    expect(await call(egress)).toMatchObject({ status: 503 });
  });

  test('an authority that the target’s certificate is not from ends the call at TLS', async () => {
    const proxy = await started();
    await expect(request({ url, proxy: parseEgressProxy(proxy.url) })).rejects.toThrow(/CERT/);
    expect(asked).toEqual([]);
  });
});

describe('a proxy that does not open the tunnel', () => {
  test.each([
    [
      '407',
      'HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n',
      /answers 407 to CONNECT: it wants/,
    ],
    [
      'HTML',
      'HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\n\r\n<html>Blocked</html>',
      /answers 403 to CONNECT$/,
    ],
    ['a page before TLS', 'HTTP/1.1 200 OK\r\n\r\n<html>Welcome</html>', /answers 200 to CONNECT$/],
    ['no HTTP', 'SSH-2.0-x\r\n', /can't be used: HPE_/],
  ])('by %s is the reason of the failure, and never the target’s answer', async (_, refusal, message) => {
    const proxy = await started({ refusal });
    const egress = parseEgressProxy(proxy.url);
    await expect(call(egress)).rejects.toMatchObject({ code: 'NetworkError', message: expect.stringMatching(message) });
    const error = await exchangeError(egress);
    expect(error.code).toBe('StsUnavailable');
    expect(error.message).toContain(proxy.url);
    expect(error.message).not.toContain('html');
    expect(asked).toEqual([]);
  });

  test('since nothing listens there', async () => {
    const proxy = await startConnectProxy();
    await proxy.close();
    await expect(call(parseEgressProxy(proxy.url))).rejects.toThrow(/the proxy .* can't be used: ECONNREFUSED/);
  });

  test('for want of credentials never shows those it was given', async () => {
    const proxy = await started({ authorization: BASIC });
    const egress = parseEgressProxy(proxy.url.replace('//', '//user:another-secret@'));
    await expect(call(egress)).rejects.toThrow(/^(?!.*another-secret).*407/);
  });
});

describe('NO_PROXY', () => {
  const goes = (host: string, noProxy: string) =>
    isProxied(new URL(`https://${host}/`), parseEgressProxy('http://proxy:3128', noProxy));

  test.each([
    ['sts.amazonaws.com', ''],
    ['sts.amazonaws.com', 'amazon.com,internal'],
    ['notexample.com', 'example.com'],
    ['a.example.com:8443', 'example.com:443'],
    ['10.1.2.3', '10.2.0.0/16,fd00::/8'],
    ['10.1.2.3', '.2.3,1.2.3'],
  ])('lets %s go through a proxy in spite of %j', (host, noProxy) => {
    expect(goes(host, noProxy)).toBe(true);
  });

  test.each([
    ['sts.amazonaws.com', '*'],
    ['example.com', 'Example.com'],
    ['a.b.example.com', 'x, example.com'],
    ['a.example.com', '.example.com'],
    ['a.example.com', '*.example.com'],
    ['a.example.com:8443', 'example.com:8443'],
    ['10.1.2.3', '10.1.0.0/16'],
    ['[fd00::1]', 'fd00::/8'],
    ['[fd00::1]', 'fd00::1'],
    ['[fd00::1]:8443', '[fd00::1]:8443'],
    ['127.0.0.1', ''],
    ['[::1]', ''],
    ['localhost', ''],
  ])('keeps %s away from it with %j', (host, noProxy) => {
    expect(goes(host, noProxy)).toBe(false);
  });

  test('takes any text, and plain http never goes through a proxy', () => {
    fc.assert(
      fc.property(fc.string(), noProxy => {
        expect(typeof goes('a.example.com', noProxy)).toBe('boolean');
        const proxy = parseEgressProxy('http://proxy:3128', noProxy);
        expect(isProxied(new URL('http://a.example.com/'), proxy)).toBe(false);
      }),
    );
  });
});

test.each(['', 'proxy:3128', 'https://proxy:3128', 'socks5://proxy', 'http://proxy/path', 'http://a%zz:b@proxy'])(
  '%j is no proxy',
  text => {
    expect(() => parseEgressProxy(text)).toThrow(InvalidValue);
  },
);
