/**
 * Two brokers, real processes, that share a folder of keys and one audit log in a real PostgreSQL.
 */
import { join } from 'node:path';
import { decodeProtectedHeader } from 'jose';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { debianPostgres, type PostgresServer } from '../audit/postgres-server.ts';
import { freePorts } from '../support/process.ts';
import { runCommand, type Served, startServe } from '../support/serve-process.ts';
import { CONFIGURED, call, type Settings, type World, world } from './support.ts';

const EMPTY = { PATH: process.env['PATH'] ?? '' };
const AWS = '/v1/mint-aws-creds';
const JWT = '/v1/mint-oidc-jwt';
const TOKEN = 'endpoint-0123456789abcdef0123456789abcdef0123456789abcdef';
const CALLERS = 4;
const DOWN = "the audit log can't be written: no credentials are returned until it can";
const BACK = 'the audit log is written again';

interface Replica {
  readonly broker: string;
  readonly endpoint: string;
  readonly config: string;
  readonly process: Served;
}

interface Row {
  readonly writer: string;
  readonly via: string;
  readonly outcome: string;
  readonly access_key_id: string | null;
  readonly sts_session_name: string;
}

describe('two brokers with one audit log in PostgreSQL', () => {
  let server: PostgresServer;
  let missing: string | undefined;
  beforeAll(async () => {
    const made = await debianPostgres();
    if (typeof made === 'string') missing = made;
    else server = made;
  });
  afterAll(() => server?.remove());
  beforeEach(async context => {
    if (missing !== undefined) return context.skip(missing);
    await query('DROP TABLE IF EXISTS mint_log, mint_log_schema; DROP FUNCTION IF EXISTS mint_log_refuse');
  });

  async function query<T extends pg.QueryResultRow>(text: string): Promise<T[]> {
    const client = new pg.Client(server.url());
    await client.connect();
    try {
      return (await client.query<T>(text)).rows;
    } finally {
      await client.end();
    }
  }

  const rows = () => query<Row>('SELECT * FROM mint_log ORDER BY id');

  /** Both start at once, on an empty database, and one of them must migrate it. */
  async function replicas(at: World): Promise<[Replica, Replica]> {
    for (let n = 0; n < CALLERS; n++) at.sessions.set(sessionOf(n), { wallet: walletOf(n) });
    at.write('tokens/scraper-a', TOKEN);
    const [first, second] = [await freePorts(2), await freePorts(2)];
    return Promise.all([replica(at, 'one', at.brokerPort, first), replica(at, 'two', second + 1, second)]);
  }

  async function replica(at: World, name: string, broker: number, endpoint: number): Promise<Replica> {
    const settings: Settings = at.broker({
      state_dir: name,
      endpoint: { listen: [`127.0.0.1:${endpoint}`] },
      broker: { listen: [`127.0.0.1:${broker}`] },
      audit: { database: server.url() },
      workloads: {
        'scraper-a': { wallet: CONFIGURED, token_file: join(at.folder, 'tokens/scraper-a'), prefetch: false },
      },
    });
    const config = at.write(`${name}.yaml`, stringify(settings));
    const process = await startServe(config, { env: EMPTY, cwd: at.folder });
    return { broker: `http://127.0.0.1:${broker}`, endpoint: `http://127.0.0.1:${endpoint}`, config, process };
  }

  it('both mint at once from the same key, each has a chain of its own, and both verify', async () => {
    const at = await world();
    const [one, two] = await replicas(at);
    const mints = [one, two].flatMap(({ broker }) =>
      Array.from({ length: CALLERS * 5 }, (_, n) => [
        call(broker + AWS, { bearer: sessionOf(n % CALLERS) }),
        call(broker + JWT, { bearer: sessionOf(n % CALLERS) }),
      ]),
    );
    const replies = await Promise.all(mints.flat());
    expect(replies.map(({ status }) => status)).toEqual(replies.map(() => 200));
    const kids = replies.flatMap(({ body }) =>
      body['jwt'] === undefined ? [] : [decodeProtectedHeader(String(body['jwt'])).kid],
    );
    expect(kids).toHaveLength(replies.length / 2);
    expect(new Set(kids).size).toBe(1);
    const documents = await Promise.all(
      [one, two].map(({ broker }) => call(`${broker}/.well-known/jwks.json`, { method: 'GET' })),
    );
    expect(documents[0]?.text).toBe(documents[1]?.text);

    const written = await rows();
    expect(new Set(written.map(({ writer }) => writer)).size).toBe(2);
    const recorded = written.flatMap(({ access_key_id }) => access_key_id ?? []);
    const given = replies.flatMap(({ body }) =>
      body['access_key_id'] === undefined ? [] : [String(body['access_key_id'])],
    );
    expect(recorded.sort()).toEqual(given.sort());
    expect(written.filter(({ via }) => via === 'mint-oidc-jwt')).toHaveLength(kids.length);
    for (const { config } of [one, two]) {
      const verified = await runCommand(['audit', 'verify', '--config', config], at.folder);
      expect([verified.code, verified.stdout]).toEqual([0, expect.stringContaining('in 2 chains: intact')]);
    }
    expect(await Promise.all([one.process.stop(), two.process.stop()])).toEqual([0, 0]);
    // Neither was refused by the other's lock.
    expect(one.process.said() + two.process.said()).not.toContain(DOWN);
  });

  it('a database that goes away: nothing is signed or asked of STS, nothing handed out; it comes back automatically', async () => {
    const at = await world();
    const both = await replicas(at);
    const askEndpoint = ({ endpoint }: Replica) =>
      call(`${endpoint}/v1/credentials`, { method: 'GET', headers: { authorization: TOKEN } });
    for (const { broker } of both) expect((await call(broker + AWS, { bearer: sessionOf(0) })).status).toBe(200);
    await server.stop();
    // Without a request that finds it out.
    await Promise.all(both.map(({ process }) => process.says(DOWN)));

    const asked = at.sts.calls.length;
    for (const each of both) {
      for (const path of [AWS, JWT]) {
        const { status, body } = await call(each.broker + path, { bearer: sessionOf(1) });
        expect([status, body['error']]).toEqual([500, 'audit_error']);
        expect(Object.keys(body).sort()).toEqual(['error', 'message']);
      }
      const { status, body, headers } = await askEndpoint(each);
      expect([status, body['code'], headers.get('retry-after')]).toEqual([503, 'AuditUnavailable', '1']);
      expect(body).not.toHaveProperty('AccessKeyId');
      const ready = await call(`${each.broker}/readyz`, { method: 'GET' });
      expect([ready.status, ready.body]).toEqual([503, { status: 'not_ready' }]);
      expect((await call(`${each.broker}/healthz`, { method: 'GET' })).text).toBe('ok');
    }
    expect(at.sts.calls).toHaveLength(asked);

    await server.start();
    await Promise.all(both.map(({ process }) => process.says(BACK)));
    for (const each of both) {
      expect((await call(each.broker + AWS, { bearer: sessionOf(2) })).status).toBe(200);
      expect((await call(each.broker + JWT, { bearer: sessionOf(2) })).status).toBe(200);
      await expect.poll(async () => (await askEndpoint(each)).status, { timeout: 15_000 }).toBe(200);
    }
    expect(await Promise.all(both.map(({ process }) => process.stop()))).toEqual([0, 0]);
    expect((await rows()).filter(({ outcome }) => outcome === 'recovered')).toHaveLength(2);
    const verified = await runCommand(['audit', 'verify', '--config', both[0].config], at.folder);
    expect([verified.code, verified.stdout]).toEqual([0, expect.stringContaining('intact')]);
    expect(both.map(({ process }) => process.said()).join('')).not.toContain('geheim');
  });

  it('a key that is revoked is gone from both at once, and its row is in the audit log that they share', async () => {
    const at = await world();
    const [one, two] = await replicas(at);
    const kidsOf = async ({ broker }: Replica) => {
      const { body } = await call(`${broker}/.well-known/jwks.json`, { method: 'GET' });
      return (body['keys'] as { kid: string }[]).map(({ kid }) => kid);
    };
    const [old = ''] = await kidsOf(one);
    for (const args of [['generate'], ['revoke', old]])
      expect(await runCommand(['keys', ...args, '--config', one.config], at.folder)).toMatchObject({ code: 0 });
    const [fresh] = await kidsOf(one);
    expect(fresh).not.toBe(old);
    expect(await Promise.all([kidsOf(one), kidsOf(two)])).toEqual([[fresh], [fresh]]);
    for (const { broker } of [one, two]) {
      const { status, body } = await call(broker + JWT, { bearer: sessionOf(0) });
      expect([status, decodeProtectedHeader(String(body['jwt'])).kid]).toEqual([200, fresh]);
    }
    expect((await rows()).filter(({ via }) => via === 'keys')).toMatchObject([
      { outcome: 'revoked', sts_session_name: old },
    ]);
    expect(await Promise.all([one.process.stop(), two.process.stop()])).toEqual([0, 0]);
  });
});

const sessionOf = (n: number) => `session-of-replica-caller-000${n}`;
const walletOf = (n: number) => `0x${String(n + 1).padStart(40, '0')}`;
