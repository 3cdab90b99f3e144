import { describe, expect, it, onTestFinished } from 'vitest';
import type { Config, JwtCallerConfig, SessionBackendConfig, WorkloadConfig } from '../../src/config/types.ts';
import type { EndpointRefusal } from '../../src/http/endpoint/index.ts';
import {
  InvalidAuthorizationToken,
  SessionBackendUnavailable,
  StsUnavailable,
  WorkloadMismatch,
  WorkloadUnknown,
} from '../../src/lib/errors.ts';
import { createDoors, type Doors } from '../../src/server/authenticators.ts';
import { createRejectedAudit } from '../../src/server/rejected-audit.ts';
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
  workload,
} from '../auth/support.ts';
import { fakeAuditLog } from '../credentials/support.ts';
import { type FakeClock, fakeClock } from '../support/fake-clock.ts';

const SESSION = 'session-0123456789abcdef';
const TOKEN = `token-${'0123456789abcdef'.repeat(3)}`;
const BEARER = `bearer-${'0123456789abcdef'.repeat(3)}`;

function config(change: { workloads?: WorkloadConfig[]; callers?: Partial<Config['callers']> } = {}): Config {
  const workloads = change.workloads ?? [
    {
      workload: workload('scraper-a'),
      token: { value: TOKEN },
      bearer: { value: BEARER, file: '/b' },
      relativeUri: { id: 'id-of-scraper-a', idFile: '/i', from: ['10.0.0.0/8'] },
      prefetch: false,
      rawJwt: false,
    },
  ];
  return {
    walletTag: 'agentkeys_user_wallet',
    endpoint: { tokenOverlapMs: 300_000 },
    defaults: {
      role: parseRoleArn('arn:aws:iam::123456789012:role/data'),
      sessionDuration: 3600,
      identityToken: { kind: 'file', path: '/t', audience: 'sts.amazonaws.com' },
    },
    workloads: new Map(workloads.map(each => [each.workload.name, each])),
    callers: { jwt: [], ...change.callers },
  } as unknown as Config;
}

function doorsOf(initial: Config, clock: FakeClock = fakeClock()): Doors {
  const doors = createDoors(initial, { clock, log: silent });
  onTestFinished(() => doors.close());
  return doors;
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

describe('static proofs', () => {
  it('count at their own listener alone', async () => {
    const doors = doorsOf(config());
    expect(await code(() => doors.endpoint.resolve(TOKEN))).toBe('scraper-a');
    expect(await code(() => doors.broker.resolve(BEARER))).toBe('scraper-a');
    expect(await code(() => doors.endpoint.resolve(BEARER))).toBe(REFUSED);
    expect(await code(() => doors.broker.resolve(TOKEN))).toBe(REFUSED);
    for (const door of [doors.endpoint, doors.broker])
      expect(await code(() => door.resolve('id-of-scraper-a'))).toBe(REFUSED);
    expect(doors.relative('id-of-scraper-a', '10.1.2.3')?.kind).toBe('relative');
    expect(doors.relative('id-of-scraper-a', '192.168.0.1')).toBeUndefined();
    expect(doors.relative(TOKEN, '10.1.2.3')).toBeUndefined();
  });

  it('hold as long as their identity is in the configuration', async () => {
    const doors = doorsOf(config());
    const caller = await doors.broker.resolve(BEARER);
    expect(doors.holds(caller)).toBe(true);
    doors.update(config({ workloads: [] }));
    expect(doors.holds(caller)).toBe(false);
    expect(await code(() => doors.broker.resolve(BEARER))).toBe(REFUSED);
  });
});

describe('proofs that are asked about', () => {
  it('at the endpoint keep nobody waiting for longer than 0.9 s, and the answer counts for the next request', async () => {
    const arrived = deferred<void>();
    const answer = deferred<void>();
    const server = await startServer((_, outgoing) => {
      arrived.resolve();
      void answer.promise.then(() => json(outgoing, 200, { wallet: WALLET }));
    });
    const clock = fakeClock();
    const doors = doorsOf(config({ callers: { sessionBackend: backendConfig(server.url, ['endpoint']) } }), clock);
    const waiting = code(() => doors.endpoint.resolve(SESSION));
    await arrived.promise;
    await clock.advance(899);
    const late = await Promise.race([waiting, Promise.resolve('not yet')]);
    expect(late).toBe('not yet');
    await clock.advance(1);
    expect(await waiting).toBe('SessionBackendUnavailable');
    answer.resolve();
    expect(await code(() => doors.endpoint.resolve(SESSION))).toMatch(/^session:/);
    expect(server.seen).toHaveLength(1);
  });

  it('no longer hold after a reload, even one that changes nothing: they are judged anew', async () => {
    const server = await startServer((_, outgoing) => json(outgoing, 200, { wallet: WALLET }));
    const settings = config({ callers: { sessionBackend: backendConfig(server.url, ['broker']) } });
    const doors = doorsOf(settings);
    const caller = await doors.broker.resolve(SESSION);
    expect(doors.holds(caller)).toBe(true);
    doors.update(settings);
    expect(doors.holds(caller)).toBe(false);
    expect(doors.holds(await doors.broker.resolve(SESSION))).toBe(true);
  });

  it('a yes that was believed is forgotten at a reload', async () => {
    const server = await startServer((_, outgoing) => json(outgoing, 200, { wallet: WALLET }));
    const settings = config({ callers: { sessionBackend: backendConfig(server.url, ['endpoint']) } });
    const doors = doorsOf(settings);
    await doors.endpoint.resolve(SESSION);
    doors.update(settings);
    await doors.endpoint.resolve(SESSION);
    expect(server.seen).toHaveLength(2);
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
    const doors = doorsOf(config({ callers: { jwt: [jwt] } }));
    const token = await sign(key, claims());
    expect(await code(() => doors.broker.resolve(token))).toMatch(/^jwt:/);
    doors.update(config({ callers: { jwt: [{ ...jwt, wallets: [WALLET] }] } }));
    expect(await code(() => doors.broker.resolve(token))).toMatch(/^jwt:/);
    expect(server.seen).toHaveLength(1);
    expect(doors.problems().map(({ name }) => name)).toEqual(['jwks https://issuer.example.com']);
    doors.update(config({ callers: { jwt: [{ ...jwt, wallets: [CONFIGURED] }] } }));
    expect(await code(() => doors.broker.resolve(token))).toBe('WorkloadUnknown');
    doors.update(config());
    expect(await code(() => doors.broker.resolve(token))).toBe(REFUSED);
    expect(doors.problems()).toEqual([]);
  });
});

describe('the endpoint’s refusals in the audit log', () => {
  const caller = { workload: workload('scraper-a'), kind: 'token', tokenHash: 'h' } as const;
  const note = (refusal: Partial<EndpointRefusal> & { error: Error }) => {
    const auditLog = fakeAuditLog();
    createRejectedAudit(auditLog, fakeClock()).endpoint({
      code: 'code',
      route: '/v1/credentials',
      authorization: undefined,
      caller: undefined,
      ...refusal,
    });
    return auditLog.failures;
  };

  it('without a token: no hash, nobody', () => {
    expect(note({ error: new InvalidAuthorizationToken('x') })).toMatchObject([
      {
        requester_token_hash: '',
        requester_wallet: 'unknown',
        sts_session_name: '(unauthenticated)',
        outcome: 'auth_failed',
      },
    ]);
  });

  it('with a wrong one: its hash, with and without Bearer alike', () => {
    const hashes = ['wrong', 'Bearer wrong'].map(
      authorization => note({ error: new InvalidAuthorizationToken('x'), authorization })[0]?.requester_token_hash,
    );
    expect(hashes[0]).toMatch(/^[0-9a-f]{64}$/);
    expect(hashes[0]).toBe(hashes[1]);
  });

  it('who it was, where that is known; a backend that fails is no refusal of anybody', () => {
    expect(note({ error: new WorkloadMismatch('x'), caller })).toMatchObject([
      { requester_wallet: CONFIGURED, workload: 'scraper-a', requester_token_hash: 'h', outcome: 'auth_failed' },
    ]);
    expect(note({ error: new WorkloadUnknown('x') })).toMatchObject([{ outcome: 'auth_failed' }]);
    expect(note({ error: new SessionBackendUnavailable('x') })).toMatchObject([{ outcome: 'backend_error' }]);
  });

  it('what failed behind the door has its row from vending, and no second one', () => {
    expect(note({ error: new StsUnavailable('x'), caller })).toEqual([]);
  });
});
