import { chownSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createJwksCache, type JwksCache, STALE_MS } from '../../src/auth/jwks.ts';
import type { JwtCallerConfig } from '../../src/config/types.ts';
import { type FakeClock, fakeClock } from '../support/fake-clock.ts';
import { endless, json, makeKey, silent, startServer, type TestKey, type TestServer } from './support.ts';

const first = makeKey('k1');
const second = makeKey('k2');
const MINUTE = 60_000;

function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'walletcreds-jwks-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** An issuer with discovery and JWKS; what it answers is the test's to change. */
async function issuer() {
  const state: { keys: TestKey[]; down: boolean; discovery: Record<string, unknown> } = {
    keys: [first],
    down: false,
    discovery: {},
  };
  const server = await startServer((incoming, outgoing) => {
    if (state.down) return void outgoing.writeHead(500).end();
    if (incoming.url === '/.well-known/openid-configuration')
      return json(outgoing, 200, { issuer: server.url, jwks_uri: `${server.url}/keys`, ...state.discovery });
    if (incoming.url === '/keys') return json(outgoing, 200, { keys: state.keys.map(({ jwk }) => jwk) });
    outgoing.writeHead(404).end();
  });
  return { state, server, fetched: () => server.seen.filter(({ path }) => path === '/keys').length };
}

function keysOf(
  server: Pick<TestServer, 'url'>,
  more: { clock?: FakeClock; stateDir?: string; jwks?: Partial<JwtCallerConfig['jwks']> } = {},
): JwksCache {
  const { clock = fakeClock(), stateDir, jwks } = more;
  const config = { issuer: server.url, jwks: { allowInsecureHttp: false, ...jwks } };
  return createJwksCache({ config, clock, log: silent, ...(stateDir === undefined ? {} : { stateDir }) });
}

const had = (keys: JwksCache, kid: string | undefined = 'k1') =>
  keys.get(kid).then(
    () => 'keys',
    (error: Error) => error.message,
  );

/** Waits for what a background fetch changes. */
async function until(done: () => boolean): Promise<void> {
  while (!done()) await new Promise(resolve => setImmediate(resolve));
}

describe('the keys of an issuer', () => {
  it('are found by discovery, fetched before anybody asks, and once for many', async () => {
    const { server, fetched } = await issuer();
    const keys = keysOf(server);
    expect(await Promise.all(Array.from({ length: 50 }, () => had(keys)))).toEqual(Array(50).fill('keys'));
    expect(fetched()).toBe(1);
    expect(keys.problem).toBeUndefined();
  });

  it('are found where the issuer ends in a slash, which is not doubled', async () => {
    const { server, state } = await issuer();
    state.discovery = { issuer: `${server.url}/` };
    expect(await had(keysOf({ url: `${server.url}/` }))).toBe('keys');
  });

  it('are fetched again after five minutes, while the old ones answer', async () => {
    const { server, fetched } = await issuer();
    const clock = fakeClock();
    const keys = keysOf(server, { clock });
    await had(keys);
    await clock.advance(5 * MINUTE - 1);
    await had(keys);
    expect(fetched()).toBe(1);
    await clock.advance(1);
    await had(keys);
    await until(() => fetched() === 2);
  });

  it('that nobody asked about for long are not believed before the issuer was asked', async () => {
    const { server, state } = await issuer();
    const clock = fakeClock();
    const keys = keysOf(server, { clock });
    await had(keys);
    state.keys = [second];
    await clock.advance(11 * MINUTE);
    const lookup = await keys.get('k1');
    await expect(lookup({ alg: 'ES256', kid: 'k1' }, { payload: '', signature: '' })).rejects.toThrow();
  });

  it('are fetched at once for a kid that isn’t known, but not again within ten seconds', async () => {
    const { server, state, fetched } = await issuer();
    const clock = fakeClock();
    const keys = keysOf(server, { clock });
    await had(keys);
    state.keys = [first, second];
    for (let i = 0; i < 100; i++) await had(keys, `made-up-${i}`);
    expect(fetched()).toBe(1);
    await clock.advance(10_000);
    const lookup = await keys.get('k2');
    expect(await lookup({ alg: 'ES256', kid: 'k2' }, { payload: '', signature: '' })).toBeDefined();
    for (let i = 0; i < 100; i++) await had(keys, `made-up-${i}`);
    expect(fetched()).toBe(2);
  });

  it('never hold a symmetric or a private one', async () => {
    const { server, state } = await issuer();
    state.keys = [
      { ...first, jwk: { kty: 'oct', k: 'c2VjcmV0', kid: 'k1', alg: 'HS256' } },
      { ...first, jwk: first.privateKey.export({ format: 'jwk' }) },
    ];
    expect(await had(keysOf(server))).toContain('holds no public key');
  });
});

describe('an outage of the issuer', () => {
  it('refuses nobody whose key is known, for a day and not longer, and shows', async () => {
    const { server, state } = await issuer();
    const clock = fakeClock();
    const keys = keysOf(server, { clock });
    await had(keys);
    state.down = true;
    await clock.advance(6 * MINUTE);
    expect(await had(keys)).toBe('keys');
    await until(() => keys.problem !== undefined);
    expect(keys.problem).toContain('answers 500');
    await clock.advance(STALE_MS - 6 * MINUTE);
    expect(await had(keys)).toBe('keys');
    await clock.advance(1);
    expect(await had(keys)).toContain('24 h old');
  });

  it('is asked about every ten seconds at most, and ends without a signal', async () => {
    const { server, state } = await issuer();
    state.down = true;
    const clock = fakeClock();
    const keys = keysOf(server, { clock });
    for (let i = 0; i < 100; i++) expect(await had(keys)).toContain('answers 500');
    expect(server.seen).toHaveLength(1);
    state.down = false;
    await clock.advance(10_000);
    expect(await had(keys)).toBe('keys');
    expect(keys.problem).toBeUndefined();
  });

  it('makes an unknown kid an outage and no refusal: it may be a new key’s', async () => {
    const { server, state } = await issuer();
    const clock = fakeClock();
    const keys = keysOf(server, { clock });
    await had(keys);
    state.down = true;
    await clock.advance(10_000);
    expect(await had(keys, 'new')).toContain('answers 500');
  });

  it('is noticed, and its end, where readiness alone asks', async () => {
    const { server, state } = await issuer();
    const clock = fakeClock();
    const keys = keysOf(server, { clock });
    await had(keys);
    state.down = true;
    await clock.advance(5 * MINUTE);
    expect(keys.problem).toBeUndefined();
    await until(() => keys.problem !== undefined);
    state.down = false;
    await clock.advance(10_000);
    await until(() => keys.problem === undefined);
  });

  it('is outlived by a restart, from a copy that only this user can read', async () => {
    const { server, state } = await issuer();
    const stateDir = folder();
    await had(keysOf(server, { stateDir }));
    await until(() => readdirSync(stateDir).some(name => name.endsWith('.json')));
    const [name = ''] = readdirSync(stateDir);
    expect(statSync(join(stateDir, name)).mode & 0o777).toBe(0o600);
    state.down = true;
    const clock = fakeClock();
    const restarted = keysOf(server, { stateDir, clock });
    expect(await had(restarted)).toBe('keys');
    expect(restarted.problem).toContain('answers 500');
    await clock.advance(STALE_MS + 1);
    expect(await had(restarted)).toContain('h old');
  });

  it.each([
    ['is no JSON', () => 'nonsense'],
    ['is from the future', (text: string) => text.replace(/"at":\d+/, '"at":99999999999999')],
  ])('doesn’t believe a copy that %s', async (_, spoil) => {
    const { server, state } = await issuer();
    const stateDir = folder();
    await had(keysOf(server, { stateDir }));
    await until(() => readdirSync(stateDir).some(name => name.endsWith('.json')));
    const file = join(stateDir, readdirSync(stateDir)[0] ?? '');
    writeFileSync(file, spoil(readFileSync(file, 'utf8')));
    state.down = true;
    expect(await had(keysOf(server, { stateDir }))).toContain('answers 500');
  });

  it.runIf(process.geteuid?.() === 0)('doesn’t believe a copy that another user owns', async () => {
    const { server, state } = await issuer();
    const stateDir = folder();
    await had(keysOf(server, { stateDir }));
    await until(() => readdirSync(stateDir).some(name => name.endsWith('.json')));
    chownSync(join(stateDir, readdirSync(stateDir)[0] ?? ''), 1001, 1001);
    state.down = true;
    expect(await had(keysOf(server, { stateDir }))).toContain('answers 500');
  });

  it('doesn’t bring back keys of a place that is configured no more', async () => {
    const { server, state } = await issuer();
    const stateDir = folder();
    await had(keysOf(server, { stateDir, jwks: { url: `${server.url}/keys` } }));
    await until(() => readdirSync(stateDir).some(name => name.endsWith('.json')));
    state.down = true;
    expect(await had(keysOf(server, { stateDir }))).toContain('answers 500');
  });
});

describe('a hostile issuer', () => {
  it.each<[string, Parameters<typeof startServer>[0], string]>([
    ['a JWKS of 10 MB', (_, o) => json(o, 200, { keys: ['x'.repeat(10_000_000)] }), 'more than 262144 bytes'],
    ['a JWKS that never ends', (_, o) => endless(o), 'more than 262144 bytes'],
    ['a redirect', (_, o) => void o.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(), 'redirect'],
    ['what is no JSON', (_, o) => void o.end('<html>canary</html>'), 'is no JSON'],
    ['null', (_, o) => json(o, 200, null), 'is no JSON object'],
    ['keys that are no list', (_, o) => json(o, 200, { keys: { length: 1 } }), 'no list'],
    ['keys that are no keys', (_, o) => json(o, 200, { keys: [1, null, 'x', {}] }), 'holds no public key'],
    ['401', (_, o) => void o.writeHead(401).end(), 'answers 401'],
  ])('%s is a failure that says so, without a word of the answer', async (_, handler, text) => {
    const server = await startServer(handler);
    const said = await had(keysOf(server, { jwks: { url: `${server.url}/keys` } }));
    expect(said).toContain(text);
    expect(said).not.toContain('canary');
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['another issuer', { issuer: 'https://evil.example' }, 'names another issuer'],
    ['an issuer with a trailing slash', { issuer: 'http://127.0.0.1/' }, 'names another issuer'],
    ['no jwks_uri', { jwks_uri: undefined }, 'no jwks_uri'],
    ['a jwks_uri that is no URL', { jwks_uri: 'keys' }, 'no jwks_uri'],
    ['a jwks_uri of a file', { jwks_uri: 'file:///etc/passwd' }, 'scheme'],
    ['a jwks_uri of plain http elsewhere', { jwks_uri: 'http://metadata.internal/keys' }, 'is refused'],
  ])('whose discovery names %s is not believed', async (_, discovery, text) => {
    const { server, state } = await issuer();
    state.discovery = discovery;
    expect(await had(keysOf(server))).toContain(text);
  });
});

describe('bearer_file', () => {
  const bearerFile = (): string => {
    const file = join(folder(), 'bearer');
    writeFileSync(file, 'service-account-token\n');
    return file;
  };

  it('goes to the issuer’s own origin, read again each time', async () => {
    const { server } = await issuer();
    const file = bearerFile();
    const clock = fakeClock();
    const keys = keysOf(server, { clock, jwks: { bearerFile: file } });
    await had(keys);
    expect(server.seen.map(({ authorization }) => authorization)).toEqual(
      Array(2).fill('Bearer service-account-token'),
    );
    writeFileSync(file, 'renewed');
    await clock.advance(5 * MINUTE);
    await had(keys);
    await until(() => server.seen.length === 4);
    expect(server.seen[3]?.authorization).toBe('Bearer renewed');
  });

  it('never goes to another origin that discovery names, which is said with the fix', async () => {
    const { server, state } = await issuer();
    const elsewhere = await startServer((incoming, o) =>
      incoming.headers.authorization === undefined ? void o.writeHead(403).end() : json(o, 200, { keys: [first.jwk] }),
    );
    state.discovery = { jwks_uri: `${elsewhere.url}/keys` };
    const said = await had(keysOf(server, { jwks: { bearerFile: bearerFile() } }));
    expect(elsewhere.seen.map(({ authorization }) => authorization)).toEqual([undefined]);
    expect(said).toContain('name it as jwks.url');
  });

  it('goes to a jwks.url that the operator wrote down', async () => {
    const elsewhere = await startServer((_, o) => json(o, 200, { keys: [first.jwk] }));
    const jwks = { url: `${elsewhere.url}/keys`, bearerFile: bearerFile() };
    expect(await had(keysOf({ url: 'https://issuer.example.com' }, { jwks }))).toBe('keys');
    expect(elsewhere.seen[0]?.authorization).toBe('Bearer service-account-token');
  });
});

describe('a JWKS in a file', () => {
  it('is read again within a second, so that a key taken out of it is gone', async () => {
    const file = join(folder(), 'jwks.json');
    writeFileSync(file, JSON.stringify({ keys: [first.jwk, second.jwk] }));
    const clock = fakeClock();
    const keys = keysOf({ url: 'https://issuer.example.com' }, { clock, jwks: { file } });
    await had(keys);
    writeFileSync(file, JSON.stringify({ keys: [second.jwk] }));
    await clock.advance(1_000);
    const lookup = await keys.get('k1');
    await expect(lookup({ alg: 'ES256', kid: 'k1' }, { payload: '', signature: '' })).rejects.toThrow();
  });
});
