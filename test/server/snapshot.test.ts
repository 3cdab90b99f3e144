import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Config, JwtCallerConfig, SessionBackendConfig, WorkloadConfig } from '../../src/config/types.ts';
import { buildSnapshot, currentAuthenticator } from '../../src/server/snapshot.ts';
import { parseRoleArn } from '../../src/workload/role-arn.ts';
import {
  AUDIENCE,
  CONFIGURED,
  claims,
  deferred,
  json,
  makeKey,
  sign,
  silent,
  startServer,
  WALLET,
} from '../auth/support.ts';
import { type FakeClock, fakeClock } from '../support/fake-clock.ts';
import { workload } from '../support/workload.ts';

const SESSION = 'session-0123456789abcdef';
const TOKEN = `token-${'0123456789abcdef'.repeat(3)}`;
const BEARER = `bearer-${'0123456789abcdef'.repeat(3)}`;

function config(change: { workloads?: WorkloadConfig[]; callers?: Partial<Config['callers']> } = {}): Config {
  const workloads = change.workloads ?? [
    {
      workload: workload(),
      token: { value: TOKEN },
      bearer: { value: BEARER, file: '/b' },
      relativeUri: { id: 'id-of-scraper-a', idFile: '/i', from: ['10.0.0.0/8'] },
      prefetch: false,
      rawJwt: false,
    },
  ];
  return {
    walletTag: 'agentkeys_user_wallet',
    endpoint: { listen: [], extraHosts: [], allowFrom: [], maxConnections: 16, tokenOverlapMs: 300_000 },
    admin: { listen: [], maxConnections: 16 },
    defaults: {
      role: parseRoleArn('arn:aws:iam::123456789012:role/data'),
      sessionDuration: 3600,
      identityToken: { kind: 'file', path: '/t', audience: 'sts.amazonaws.com' },
    },
    workloads: new Map(workloads.map(each => [each.workload.name, each])),
    callers: { jwt: [], ...change.callers },
  } as unknown as Config;
}

/** Authentication through reloads, each snapshot built from the one before. */
async function running(initial: Config, clock: FakeClock = fakeClock()) {
  const deps = { clock, log: silent };
  let snapshot = await buildSnapshot(initial, deps);
  onTestFinished(() => snapshot.authenticators.close());
  const current = () => snapshot;
  return {
    endpoint: currentAuthenticator('endpoint', current, clock),
    broker: currentAuthenticator('broker', current, clock),
    current,
    async reload(next: Config) {
      const previous = snapshot;
      snapshot = await buildSnapshot(next, deps, previous);
      previous.authenticators.close(snapshot.authenticators);
    },
  };
}

const code = async (made: () => unknown) => {
  try {
    return ((await made()) as { workload: { name: string } }).workload.name;
  } catch (error) {
    return (error as { code: string }).code;
  }
};

const REFUSED = 'InvalidAuthorizationToken';

function backendConfig(url: string, listeners: ('endpoint' | 'broker')[]): SessionBackendConfig {
  return { url, listeners, wallets: 'any', cacheTtlMs: 30_000, allowInsecureHttp: false };
}

describe('static tokens', () => {
  it('count at their own listener alone', async () => {
    const sidecar = await running(config());
    expect(await code(() => sidecar.endpoint.authenticate(TOKEN))).toBe('scraper-a');
    expect(await code(() => sidecar.broker.authenticate(BEARER))).toBe('scraper-a');
    expect(await code(() => sidecar.endpoint.authenticate(BEARER))).toBe(REFUSED);
    expect(await code(() => sidecar.broker.authenticate(TOKEN))).toBe(REFUSED);
    for (const listener of [sidecar.endpoint, sidecar.broker])
      expect(await code(() => listener.authenticate('id-of-scraper-a'))).toBe(REFUSED);
    expect(sidecar.current().authenticators.relative('id-of-scraper-a', '10.1.2.3')?.kind).toBe('relative');
    expect(sidecar.current().authenticators.relative('id-of-scraper-a', '192.168.0.1')).toBeUndefined();
    expect(sidecar.current().authenticators.relative(TOKEN, '10.1.2.3')).toBeUndefined();
  });

  it('hold as long as their identity is in the configuration', async () => {
    const sidecar = await running(config());
    const caller = await sidecar.broker.authenticate(BEARER);
    expect(sidecar.current().authenticators.yields(caller)).toBe(true);
    await sidecar.reload(config({ workloads: [] }));
    expect(sidecar.current().authenticators.yields(caller)).toBe(false);
    expect(await code(() => sidecar.broker.authenticate(BEARER))).toBe(REFUSED);
  });
});

describe('tokens that an issuer or a backend is asked about', () => {
  it('at the endpoint keep nobody waiting for longer than 0.9 s, and the answer counts for the next request', async () => {
    const arrived = deferred<void>();
    const answer = deferred<void>();
    const server = await startServer((_, outgoing) => {
      arrived.resolve();
      void answer.promise.then(() => json(outgoing, 200, { wallet: WALLET }));
    });
    const clock = fakeClock();
    const sidecar = await running(
      config({ callers: { sessionBackend: backendConfig(server.url, ['endpoint']) } }),
      clock,
    );
    const waiting = code(() => sidecar.endpoint.authenticate(SESSION));
    await arrived.promise;
    await clock.advance(899);
    const late = await Promise.race([waiting, Promise.resolve('not yet')]);
    expect(late).toBe('not yet');
    await clock.advance(1);
    expect(await waiting).toBe('SessionBackendUnavailable');
    answer.resolve();
    expect(await code(() => sidecar.endpoint.authenticate(SESSION))).toMatch(/^session:/);
    expect(server.seen).toHaveLength(1);
  });

  it('count under the snapshot that authenticated them alone: a mint that is under way is refused after a reload', async () => {
    const server = await startServer((_, outgoing) => json(outgoing, 200, { wallet: WALLET }));
    const settings = config({ callers: { sessionBackend: backendConfig(server.url, ['broker']) } });
    const sidecar = await running(settings);
    const caller = await sidecar.broker.authenticate(SESSION);
    expect(sidecar.current().authenticators.yields(caller)).toBe(true);
    await sidecar.reload(settings);
    expect(sidecar.current().authenticators.yields(caller)).toBe(false);
    expect(sidecar.current().authenticators.yields(await sidecar.broker.authenticate(SESSION))).toBe(true);
  });

  it('keep a backend’s answer through a reload, and the new configuration says what its wallet is worth', async () => {
    const server = await startServer((_, outgoing) => json(outgoing, 200, { wallet: WALLET }));
    const backend = backendConfig(server.url, ['endpoint']);
    const sidecar = await running(config({ callers: { sessionBackend: backend } }));
    await sidecar.endpoint.authenticate(SESSION);
    await sidecar.reload(config({ callers: { sessionBackend: { ...backend, wallets: [WALLET] } } }));
    expect(await code(() => sidecar.endpoint.authenticate(SESSION))).toMatch(/^session:/);
    await sidecar.reload(config({ callers: { sessionBackend: { ...backend, wallets: [CONFIGURED] } } }));
    expect(await code(() => sidecar.endpoint.authenticate(SESSION))).toBe('WorkloadUnknown');
    expect(server.seen).toHaveLength(1);
    await sidecar.reload(config({ callers: { sessionBackend: { ...backend, cacheTtlMs: 1_000 } } }));
    expect(await code(() => sidecar.endpoint.authenticate(SESSION))).toMatch(/^session:/);
    expect(server.seen).toHaveLength(2);
  });

  it('never yield an identity that the current snapshot lacks, however reloads, questions and answers interleave', async () => {
    let pending: (() => void)[] = [];
    const server = await startServer((_, outgoing) => {
      pending.push(() => json(outgoing, 200, { wallet: WALLET }));
    });
    const backend = backendConfig(server.url, ['endpoint', 'broker']);
    const entry = (wallet: string) => ({ workload: workload({ wallet }), prefetch: false, rawJwt: false });
    const variants = [
      config({ callers: { sessionBackend: backend } }),
      config({ callers: { sessionBackend: { ...backend, wallets: [] } } }),
      config({ callers: { sessionBackend: { ...backend, wallets: [WALLET] } } }),
      config({ callers: { sessionBackend: backend }, workloads: [entry(WALLET)] }),
      config(),
    ];
    const step = fc.oneof(
      fc.nat(variants.length - 1).map(variant => ({ reload: variant })),
      fc.constantFrom({ ask: 'endpoint' as const }, { ask: 'broker' as const }, { answer: true as const }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async steps => {
        const sidecar = await running(variants[0] as Config);
        const asked: Promise<void>[] = [];
        for (const each of steps) {
          if ('reload' in each) await sidecar.reload(variants[each.reload] as Config);
          else if ('ask' in each && each.ask !== undefined) {
            const found = (async () => sidecar[each.ask].authenticate(SESSION))();
            asked.push(
              found.then(
                caller => expect(sidecar.current().authenticators.yields(caller)).toBe(true),
                () => undefined,
              ),
            );
          } else for (const answer of pending.splice(0)) answer();
          await new Promise(resolve => setImmediate(resolve));
        }
        let settled = false;
        const all = Promise.all(asked).then(() => {
          settled = true;
        });
        while (!settled) {
          for (const answer of pending.splice(0)) answer();
          await new Promise(resolve => setImmediate(resolve));
        }
        await all;
        pending = [];
      }),
      { numRuns: 40 },
    );
  });

  it('an issuer’s keys outlive a reload that leaves it as it was, and go with it', async () => {
    const key = makeKey('k');
    const server = await startServer((_, outgoing) => json(outgoing, 200, { keys: [key.jwk] }));
    const jwt: JwtCallerConfig = {
      issuer: 'https://issuer.example.com',
      audience: AUDIENCE,
      listeners: ['broker'],
      jwks: { url: server.url, allowInsecureHttp: false },
      walletClaim: 'wallet',
      wallets: 'any',
    };
    const sidecar = await running(config({ callers: { jwt: [jwt] } }));
    const token = await sign(key, claims());
    expect(await code(() => sidecar.broker.authenticate(token))).toMatch(/^jwt:/);
    await sidecar.reload(config({ callers: { jwt: [{ ...jwt, wallets: [WALLET] }] } }));
    expect(await code(() => sidecar.broker.authenticate(token))).toMatch(/^jwt:/);
    expect(server.seen).toHaveLength(1);
    expect(
      sidecar
        .current()
        .authenticators.problems()
        .map(({ name }) => name),
    ).toEqual(['jwks https://issuer.example.com']);
    await sidecar.reload(config({ callers: { jwt: [{ ...jwt, wallets: [CONFIGURED] }] } }));
    expect(await code(() => sidecar.broker.authenticate(token))).toBe('WorkloadUnknown');
    await sidecar.reload(config());
    expect(await code(() => sidecar.broker.authenticate(token))).toBe(REFUSED);
    expect(sidecar.current().authenticators.problems()).toEqual([]);
  });
});
