import { describe, expect, it } from 'vitest';
import { createSessionBackend } from '../../src/auth/session-backend.ts';
import type { CallerListener, SessionBackendConfig } from '../../src/config/types.ts';
import { fakeClock } from '../support/fake-clock.ts';
import { deferred, endless, everyWallet, json, startServer, type TestServer, WALLET } from './support.ts';

const BEARER = 'session-0123456789abcdef';

async function backend(
  listener: CallerListener,
  handler: TestServer['handler'] = (_, outgoing) => json(outgoing, 200, { wallet: WALLET, scope: 'all' }),
  change: Partial<SessionBackendConfig> = {},
) {
  const server = await startServer(handler);
  const clock = fakeClock();
  const workloads = everyWallet();
  const config = {
    url: server.url,
    listeners: [listener],
    wallets: 'any',
    cacheTtlMs: 30_000,
    allowInsecureHttp: false,
    ...change,
  } as const;
  const session = createSessionBackend({ config, clock, listener });
  const authenticate = (bearer: string) => session.authenticate(bearer, workloads);
  const outcome = (bearer = BEARER) =>
    authenticate(bearer).then(
      caller => caller.workload.wallet as string,
      (error: { code: string }) => error.code,
    );
  return { session, authenticate, server, clock, workloads, outcome };
}

describe('a session', () => {
  it('is validated with the bearer that the caller showed, and is the wallet that the backend names', async () => {
    const { authenticate, server, workloads } = await backend('broker');
    expect(await authenticate(BEARER)).toMatchObject({ kind: 'session', workload: { wallet: WALLET } });
    expect(server.seen).toEqual([{ method: 'GET', path: '/session/validate', authorization: `Bearer ${BEARER}` }]);
    expect(workloads.asked[0]).toMatchObject({ by: 'session', source: server.url, subject: '' });
  });

  it('is never kept in the caller: nothing may forward it', async () => {
    const { authenticate } = await backend('endpoint');
    expect(JSON.stringify(await authenticate(BEARER))).not.toContain(BEARER);
  });
});

describe('how long an answer is believed', () => {
  it('at the endpoint a yes for cache_ttl and not a millisecond longer', async () => {
    const { server, clock, outcome } = await backend('endpoint');
    await outcome();
    await clock.advance(30_000);
    expect(await outcome()).toBe(WALLET);
    expect(server.seen).toHaveLength(1);
    await clock.advance(1);
    await outcome();
    expect(server.seen).toHaveLength(2);
  });

  it('at the endpoint the token ends with the cached response, however late within it somebody asks', async () => {
    const { authenticate, clock } = await backend('endpoint');
    const until = clock.wall() + 30_000;
    expect((await authenticate(BEARER)).presentedUntil).toBe(until);
    await clock.advance(20_000);
    expect((await authenticate(BEARER)).presentedUntil).toBe(until);
  });

  it('at the endpoint a cache_ttl of 0 believes nothing', async () => {
    const { server, outcome } = await backend('endpoint', undefined, { cacheTtlMs: 0 });
    await outcome();
    await outcome();
    expect(server.seen).toHaveLength(2);
  });

  it('at the broker a yes counts for one mint: each is a call of its own, at once or in a row', async () => {
    const { server, outcome } = await backend('broker');
    await outcome();
    await outcome();
    expect(server.seen).toHaveLength(2);
    await Promise.all(Array.from({ length: 5 }, () => outcome()));
    expect(server.seen).toHaveLength(7);
  });

  it.each(['endpoint', 'broker'] as const)(
    'at the %s 1,000 requests with one bad bearer are one call',
    async listener => {
      const { server, outcome } = await backend(listener, (_, outgoing) => json(outgoing, 401, { message: 'revoked' }));
      const outcomes = await Promise.all(Array.from({ length: 500 }, () => outcome()));
      for (let i = 0; i < 500; i++) outcomes.push(await outcome());
      expect(new Set(outcomes)).toEqual(new Set(['InvalidAuthorizationToken']));
      expect(server.seen).toHaveLength(1);
    },
  );

  it('a 401 for five seconds', async () => {
    const { server, clock, outcome } = await backend('broker', (_, outgoing) => json(outgoing, 401, {}));
    await outcome();
    await clock.advance(5_000);
    await outcome();
    expect(server.seen).toHaveLength(1);
    await clock.advance(1);
    await outcome();
    expect(server.seen).toHaveLength(2);
  });

  it('a failure never', async () => {
    const { server, outcome } = await backend('endpoint', (_, outgoing) => json(outgoing, 500, {}));
    expect(await outcome()).toBe('SessionBackendUnavailable');
    expect(await outcome()).toBe('SessionBackendUnavailable');
    expect(server.seen).toHaveLength(2);
  });

  it('no yes outlives its time in an outage', async () => {
    const { server, clock, outcome, session } = await backend('endpoint');
    expect(await outcome()).toBe(WALLET);
    await server.close();
    await clock.advance(30_000);
    expect(await outcome()).toBe(WALLET);
    expect(session.problem).toBeUndefined();
    await clock.advance(1);
    expect(await outcome()).toBe('SessionBackendUnavailable');
    expect(session.problem).toContain('ECONNREFUSED');
  });

  it('one bearer’s outcome is nothing to another', async () => {
    const { outcome } = await backend('endpoint', (incoming, outgoing) =>
      incoming.headers.authorization === `Bearer ${BEARER}`
        ? json(outgoing, 200, { wallet: WALLET })
        : json(outgoing, 401, {}),
    );
    expect(await outcome()).toBe(WALLET);
    expect(await outcome(`${BEARER}x`)).toBe('InvalidAuthorizationToken');
  });
});

describe('what a hostile backend answers', () => {
  it.each<[string, TestServer['handler']]>([
    ['no wallet', (_, o) => json(o, 200, {})],
    ['a wallet that is a list', (_, o) => json(o, 200, { wallet: [WALLET] })],
    ['a wallet that is a number', (_, o) => json(o, 200, { wallet: 7 })],
    ['a wallet with a slash', (_, o) => json(o, 200, { wallet: `${WALLET}/` })],
    ['a wallet with a *', (_, o) => json(o, 200, { wallet: '0x*' })],
    ['a wallet in mixed case that fails its checksum', (_, o) => json(o, 200, { wallet: WALLET.replace('e', 'E') })],
    ['an empty wallet', (_, o) => json(o, 200, { wallet: '' })],
    ['null', (_, o) => json(o, 200, null)],
    ['what is no JSON', (_, o) => void o.end('ok')],
    ['201', (_, o) => json(o, 201, { wallet: WALLET })],
    ['403', (_, o) => json(o, 403, { wallet: WALLET })],
    ['a redirect', (_, o) => void o.writeHead(302, { location: '/again' }).end()],
    ['10 MB', (_, o) => json(o, 200, { wallet: WALLET, padding: 'x'.repeat(10_000_000) })],
    ['without end', (_, o) => endless(o)],
  ])('%s is a failure of the backend, not a outcome', async (_, handler) => {
    const { outcome, server } = await backend('broker', handler);
    expect(await outcome()).toBe('SessionBackendUnavailable');
    expect(server.seen).toHaveLength(1);
  });

  it('nothing at all is given up after two seconds', async () => {
    let arrived = () => {};
    const begun = new Promise<void>(resolve => {
      arrived = resolve;
    });
    const { outcome, clock } = await backend('broker', () => arrived());
    const waiting = outcome();
    await begun;
    await clock.advance(2_000);
    expect(await waiting).toBe('SessionBackendUnavailable');
  });
});

it('gives up made-up bearers before one that the backend has accepted', async () => {
  const release: (() => void)[] = [];
  const arrivals = { left: 1 };
  let arrived = deferred<void>();
  const { outcome } = await backend('broker', (_, outgoing) => {
    release.push(() => json(outgoing, 200, { wallet: WALLET }));
    if (--arrivals.left === 0) arrived.resolve();
  });
  const first = outcome();
  await arrived.promise;
  release.shift()?.();
  expect(await first).toBe(WALLET);
  arrivals.left = 1;
  arrived = deferred<void>();
  const again = outcome();
  await arrived.promise;
  arrivals.left = 255;
  arrived = deferred<void>();
  const made = Array.from({ length: 255 }, (_, n) => outcome(`${BEARER}-${n}`));
  await arrived.promise;
  made.push(outcome(`${BEARER}-255`));
  expect(await made[0]).toBe('SessionBackendUnavailable');
  for (const each of release) each();
  expect(await again).toBe(WALLET);
});

it('asks 256 questions at once: the next one is asked too, and the oldest is given up', async () => {
  const allArrived = deferred<void>();
  let arrived = 0;
  const { outcome } = await backend('endpoint', (_, outgoing) => {
    if (++arrived === 256) allArrived.resolve();
    if (arrived === 257) json(outgoing, 200, { wallet: WALLET });
  });
  const waiting = Array.from({ length: 256 }, (_, n) => outcome(`${BEARER}-${n}`));
  await allArrived.promise;
  expect(await outcome()).toBe(WALLET);
  expect(await waiting[0]).toBe('SessionBackendUnavailable');
  const others = Promise.any(waiting.slice(1)).then(() => 'answered');
  expect(await Promise.race([others, Promise.resolve('waiting')])).toBe('waiting');
});

describe('a refusal', () => {
  const echo: TestServer['handler'] = (incoming, outgoing) =>
    json(outgoing, 401, { message: `session revoked: ${incoming.headers.authorization}` });

  it('has the backend’s words at the broker, but not the bearer that they echo', async () => {
    const { authenticate } = await backend('broker', echo);
    await expect(authenticate(BEARER)).rejects.toThrow('session revoked: Bearer [bearer]');
  });

  it('is the same as for any unknown token at the endpoint', async () => {
    const { authenticate } = await backend('endpoint', echo);
    await expect(authenticate(BEARER)).rejects.toThrow(/^the authorization token is missing or not one that is known$/);
  });
});

describe('readiness', () => {
  it('shows the last failure for a minute, and none after a success', async () => {
    let status = 500;
    const { session, clock, outcome } = await backend('broker', (_, o) => json(o, status, { wallet: WALLET }));
    await outcome();
    expect(session.problem).toContain('500');
    status = 200;
    await outcome();
    expect(session.problem).toBeUndefined();
    status = 500;
    await outcome();
    await clock.advance(60_000);
    expect(session.problem).toBeUndefined();
  });
});
