import { closeSync, openSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';
import { describe, expect, it, vi } from 'vitest';
import { makeKey } from '../auth/support.ts';
import { type FakeClock, fakeClock } from '../support/fake-clock.ts';
import { NODE } from './cluster.ts';
import { type Agent, WALLETS, world } from './support.ts';

const MINUTE = 60_000;
const TAG = 'agentkeys_user_wallet';

describe('a pod that asks the agent of its node', () => {
  it('gets credentials for its service account’s wallet, by a token that only the broker could sign', async () => {
    const at = await world();
    await at.broker();
    const agent = await at.agent();
    for (const [name, wallet] of Object.entries(WALLETS)) {
      const { status, json } = await agent.get(await at.cluster.token({ account: `scrapers:${name}` }));
      expect(status).toBe(200);
      expect(at.sts.sessions.get(json['AccessKeyId'] ?? '')?.principalTags).toEqual({ [TAG]: wallet });
    }
    // Nothing on the node could have signed it: no key, no bearer, only a copy of public keys.
    expect(readdirSync(join(at.folder, 'agent')).filter(name => !/^jwks-[0-9a-f]{16}\.json$/.test(name))).toEqual([]);
  });

  it('may name its workload in the path, and no other', async () => {
    const at = await world();
    await at.broker();
    const agent = await at.agent();
    const token = await at.cluster.token();
    expect((await agent.get(token, '/v1/credentials/scraper-a')).status).toBe(200);
    expect((await agent.get(token, '/v1/credentials/scraper-b')).json).toMatchObject({ code: 'WorkloadMismatch' });
  });

  it('hears in plain words that its service account isn’t mapped, and what to add', async () => {
    const at = await world();
    const agent = await at.agent();
    const { status, json } = await agent.get(await at.cluster.token({ account: 'default:default' }));
    expect([status, json['code']]).toEqual([403, 'WorkloadUnknown']);
    expect(json['message']).toBe('this subject maps to no workload; add it under callers.jwt[].subjects');
    expect(at.sts.calls).toEqual([]);
  });

  it('hears that the broker doesn’t know its service account', async () => {
    const at = await world();
    await at.broker(at.brokerSettings({ subjects: { 'system:serviceaccount:scrapers:scraper-b': 'scraper-b' } }));
    const agent = await at.agent();
    const { status, json } = await agent.get(await at.cluster.token());
    expect([status, json['code']]).toEqual([403, 'BrokerRefused']);
    expect(at.sts.calls).toEqual([]);
  });

  it('gets nothing where the broker gives its service account another wallet than the node says', async () => {
    const at = await world();
    await at.broker(at.brokerSettings({ subjects: { 'system:serviceaccount:scrapers:scraper-a': 'scraper-b' } }));
    const agent = await at.agent();
    const { json } = await agent.get(await at.cluster.token());
    expect(json).toMatchObject({ code: 'TagMismatch' });
    expect(json['message']).toContain('what the broker has under callers for this caller');
    expect(at.sts.calls).toEqual([]);
  });
});

describe('a token', () => {
  it.each([
    ['of a pod on another node', { node: 'node-2' }, 'a service-account token of a pod on another node'],
    ['that names no node', { node: null }, 'a service-account token of a pod on another node'],
    ['that is bound to no pod', { uid: null }, 'a service-account token bound to no pod'],
    ['bound to a pod without a uid', { uid: '' }, 'a service-account token bound to no pod'],
    ['for the API server', { audience: 'https://kubernetes.default.svc.cluster.local' }, 'aud'],
    [
      'for the API server too',
      { audience: ['walletcreds', 'https://kubernetes.default.svc.cluster.local'] },
      'with more than one audience',
    ],
    ['for STS', { audience: 'sts.amazonaws.com' }, 'aud'],
    ['that has expired', { now: Date.now() - 2 * 3_600_000 }, 'exp'],
    ['of a key that isn’t the cluster’s', { key: makeKey('sa-key-1', 'RS256') }, 'signature verification failed'],
  ])('%s is refused, nobody is asked about it, and the log alone says why', async (_, pod, reason) => {
    const at = await world();
    const broker = await at.broker();
    const agent = await at.agent();
    const { status, json } = await agent.get(await at.cluster.token(pod));
    expect([status, json['code']]).toEqual([401, 'InvalidAuthorizationToken']);
    expect(json['message']).toBe('the authorization token is missing or not one that is known');
    expect(at.said()).toMatch(new RegExp(`"reason":"[^\n]*${reason}`));
    expect(at.sts.calls).toEqual([]);
    expect(broker.status().every(({ hadCredentials }) => !hadCredentials)).toBe(true);
  });

  it('of any node is good where the configuration says so, still only of a pod', async () => {
    const at = await world();
    await at.broker();
    const agent = await at.agent(at.agentSettings({ node_name: undefined, allow_any_node: true }));
    expect((await agent.get(await at.cluster.token({ node: 'node-2' }))).status).toBe(200);
    expect((await agent.get(await at.cluster.token({ node: null }))).status).toBe(200);
    expect((await agent.get(await at.cluster.token({ uid: null }))).status).toBe(401);
  });

  it('that was replaced finds what the one before it was given: nobody is asked again', async () => {
    const at = await world();
    await at.broker();
    const agent = await at.agent();
    const first = await agent.get(await at.cluster.token());
    const asked = at.sts.calls.length;
    const others = await Promise.all(
      ['pod-uid-1', 'pod-uid-1', 'pod-uid-2'].map(async uid => agent.get(await at.cluster.token({ uid }))),
    );
    for (const { json } of others) expect(json['AccessKeyId']).toBe(first.json['AccessKeyId']);
    expect(at.sts.calls).toHaveLength(asked);
    expect(asked).toBe(1);
  });

  it('proves nothing any more once its service account is taken off the list', async () => {
    const at = await world();
    await at.broker();
    const agent = await at.agent();
    const token = await at.cluster.token();
    expect((await agent.get(token)).status).toBe(200);
    await agent.update(at.agentSettings({ subjects: { 'system:serviceaccount:scrapers:scraper-b': 'scraper-b' } }));
    expect((await agent.get(token)).json).toMatchObject({ code: 'WorkloadUnknown' });
  });
});

describe('the cluster’s keys', () => {
  it('are asked for over https by the cluster’s own CA, with the agent’s token, by discovery', async () => {
    const at = await world();
    await at.broker();
    const agent = await at.agent();
    expect((await agent.get(await at.cluster.token())).status).toBe(200);
    expect(new Set(at.cluster.seen.map(({ path }) => path))).toEqual(
      new Set(['/.well-known/openid-configuration', '/openid/v1/jwks']),
    );
    expect(at.cluster.seen.every(({ bearer }) => bearer)).toBe(true);
  });

  it('can’t be had with a token that the API server doesn’t know: 503, not a verdict about the pod', async () => {
    const at = await world();
    writeFileSync(at.cluster.bearerFile, 'another-token');
    const agent = await at.agent();
    const { status, json, headers } = await agent.get(await at.cluster.token());
    expect([status, json['code'], headers['retry-after']]).toEqual([503, 'IssuerUnavailable', '1']);
    expect(at.cluster.seen.length).toBeGreaterThan(0);
  });

  it('are found where the configuration says, whatever the issuer is called', async () => {
    const at = await world();
    const jwks = { url: at.cluster.jwksUrl, ca_file: at.cluster.caFile, bearer_file: at.cluster.bearerFile };
    await at.broker();
    const agent = await at.agent(at.agentSettings({ jwks }));
    expect((await agent.get(await at.cluster.token())).status).toBe(200);
  });

  it('are replaced: a token of a new key is good as soon as the cluster publishes it', async () => {
    const clock = fakeClock(Date.now());
    const at = await world(clock);
    await at.broker();
    const agent = await at.agent();
    expect((await agent.get(await at.cluster.token({ now: clock.wall() }))).status).toBe(200);
    at.cluster.rotate({ keepOld: false });
    await clock.advance(11_000);
    expect((await agent.get(await at.cluster.token({ now: clock.wall() }))).status).toBe(200);
  });

  it('are kept while the API server is away, through a restart of the agent, and looked for again when it is back', async () => {
    const clock = fakeClock(Date.now());
    const at = await world(clock);
    await at.broker();
    const agent = await at.agent();
    const token = () => at.cluster.token({ now: clock.wall() });
    expect((await agent.get(await token())).status).toBe(200);
    await at.cluster.goAway();
    await clock.advance(20 * MINUTE);
    expect((await agent.get(await token())).status).toBe(200);
    await agent.sidecar.close(0);
    const restarted = await at.agent();
    expect((await restarted.get(await token())).status).toBe(200);
    // Only fetching could tell whose key that is: not now, rather than no.
    const unknown = at.cluster.rotate();
    expect((await restarted.get(await at.cluster.token({ now: clock.wall(), key: unknown }))).status).toBe(503);
    await at.cluster.comeBack();
    await clock.advance(11_000);
    expect((await restarted.get(await at.cluster.token({ now: clock.wall(), key: unknown }))).status).toBe(200);
  });

  it('are on disk by rename, for their owner alone: who reads meanwhile reads the old ones, whole', async () => {
    const clock = fakeClock(Date.now());
    const at = await world(clock);
    await at.broker();
    const agent = await at.agent();
    await agent.get(await at.cluster.token({ now: clock.wall() }));
    const [name = ''] = readdirSync(join(at.folder, 'agent'));
    const file = join(at.folder, 'agent', name);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const before = openSync(file, 'r');
    try {
      at.cluster.rotate();
      await clock.advance(11_000);
      await agent.get(await at.cluster.token({ now: clock.wall() }));
      const kids = (text: string) => (JSON.parse(text).set.keys as { kid: string }[]).map(({ kid }) => kid);
      await vi.waitFor(() => expect(kids(readFileSync(file, 'utf8'))).toEqual(['sa-key-2', 'sa-key-1']));
      expect(kids(readFileSync(before, 'utf8'))).toEqual(['sa-key-1']);
      expect(readdirSync(join(at.folder, 'agent'))).toEqual([name]);
    } finally {
      closeSync(before);
    }
  });

  it('in a copy that was cut off count for nothing', async () => {
    const at = await world();
    await at.broker();
    const agent = await at.agent();
    await agent.get(await at.cluster.token());
    await agent.sidecar.close(0);
    const [name = ''] = readdirSync(join(at.folder, 'agent'));
    const file = join(at.folder, 'agent', name);
    writeFileSync(file, readFileSync(file, 'utf8').slice(0, 200));
    await at.cluster.goAway();
    const restarted = await at.agent();
    expect((await restarted.get(await at.cluster.token())).status).toBe(503);
  });
});

describe('renewal', () => {
  /** Moves on second by second until an exchange has begun, or the time is over. @returns whether one has */
  async function begins(clock: FakeClock, agent: Agent, ms: number): Promise<boolean> {
    const state = () => agent.sidecar.status().find(({ name }) => name === 'scraper-a')?.state;
    for (let moved = 0; moved < ms && state() === 'valid'; moved += 1_000) await clock.advance(1_000);
    return state() !== 'valid';
  }

  it('ends with the pod: once its token has expired and nobody asks, nobody is asked for it', async () => {
    const clock = fakeClock(Date.now());
    const at = await world(clock);
    const broker = await at.broker();
    const agent = await at.agent();
    const token = await at.cluster.token({ now: clock.wall(), ttl: 30 * 60 });
    expect((await agent.get(token)).status).toBe(200);
    const append = vi.spyOn(broker.auditLog, 'append');
    await clock.advance(39 * MINUTE);
    expect(await begins(clock, agent, 4 * MINUTE)).toBe(false);
    await clock.advance(60 * MINUTE);
    expect(at.sts.calls).toHaveLength(1);
    expect(append).not.toHaveBeenCalled();
    expect((await agent.get(token)).status).toBe(401);
  });

  it('goes on, unasked, with the newest token of a pod that is there', async () => {
    const clock = fakeClock(Date.now());
    const at = await world(clock);
    await at.broker();
    const agent = await at.agent();
    expect((await agent.get(await at.cluster.token({ now: clock.wall(), ttl: 30 * 60 }))).status).toBe(200);
    await clock.advance(25 * MINUTE);
    const rotated = await at.cluster.token({ now: clock.wall(), ttl: 30 * 60 });
    const first = await agent.get(rotated);
    await clock.advance(14 * MINUTE);
    expect(at.sts.calls).toHaveLength(1);
    expect(await begins(clock, agent, 4 * MINUTE)).toBe(true);
    await vi.waitFor(() => expect(at.sts.calls).toHaveLength(2));
    await vi.waitFor(async () => {
      const { status, json } = await agent.get(rotated);
      expect([status, json['AccessKeyId'] === first.json['AccessKeyId']]).toEqual([200, false]);
    });
  });
});

describe('the broker behind it', () => {
  it('is asked with the pod’s own token, which its audit log tells of, and the agent’s node holds nothing it would take', async () => {
    const at = await world();
    const broker = await at.broker();
    const agent = await at.agent();
    await agent.get(await at.cluster.token());
    await broker.close(0);
    const database = new Database(join(at.folder, 'broker', 'audit.sqlite'));
    const rows = database.prepare('SELECT * FROM mint_log ORDER BY id').all();
    database.close();
    expect(rows).toMatchObject([
      { via: 'mint-oidc-jwt', outcome: 'ok', caller_kind: 'jwt', requester_wallet: WALLETS['scraper-a'] },
    ]);
  });

  it('takes a token of any node, and none that is bound to no pod', async () => {
    const at = await world();
    await at.broker();
    const mint = async (pod: { node?: string; uid?: null }) => {
      const headers = { authorization: `Bearer ${await at.cluster.token(pod)}` };
      return (await fetch(`${at.brokerUrl}/v1/mint-oidc-jwt`, { method: 'POST', headers })).status;
    };
    expect([await mint({ node: NODE }), await mint({ node: 'node-2' }), await mint({ uid: null })]).toEqual([
      200, 200, 401,
    ]);
  });
});
