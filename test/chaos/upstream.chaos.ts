import type { IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import { json, makeKey, sign, startServer, type TestServer } from '../auth/support.ts';
import { reckon } from './after.ts';
import { type Allowed, askFor, nothingSeen, pause, recovery, startLoad } from './load.ts';
import { FAILURES } from './moods.ts';
import { type World, walletOf, world } from './world.ts';

const now = () => Math.floor(Date.now() / 1_000);

interface Upstream {
  readonly name: string;
  /** Whose request it is. */
  readonly from: (request: IncomingMessage) => string | undefined;
  /** Failures of its own, beside those of any server. */
  readonly more?: Readonly<Record<string, TestServer['handler']>>;
  readonly allowed?: Allowed;
  /** What is answered meanwhile. */
  readonly statuses: readonly number[];
}

/** Everything that can fail does, at once, each for one workload; then nothing does any more. */
async function failing(at: World, server: TestServer, upstream: Upstream): Promise<void> {
  const { name, from, more = {}, statuses, ...options } = upstream;
  const good = server.handler;
  const general = Object.entries(FAILURES).map(([failure, fail]): [string, TestServer['handler']] => [
    failure,
    (request, response) => fail({ request, response, socket: request.socket }),
  ]);
  const [healthy = '', ...names] = at.workloads.keys();
  const failures = [...general, ...Object.entries(more)].slice(0, names.length);
  expect(failures.length).toBe(general.length + Object.keys(more).length);
  const cold = names.slice(0, failures.length);
  const failureOf = new Map(cold.map((workload, n) => [workload, failures[n]?.[1]]));
  server.handler = (request, response) => (failureOf.get(from(request) ?? '') ?? good)(request, response);
  const serving = await at.serve();
  const seen = nothingSeen();
  await recovery(at, [healthy], seen, options);
  const load = startLoad(at, { names: [healthy], seen, ...options });
  for (let round = 0; round < 5; round++) {
    const answers = await Promise.all(cold.map(workload => askFor(at, workload, seen, options.allowed)));
    expect(
      failures.map(([failure], n) => [failure, answers[n]]).filter(([, s]) => !statuses.includes(Number(s))),
    ).toEqual([]);
    await pause(300);
  }
  await load.stop();
  expect(seen.vended.size).toBe(1);
  const calls = server.seen.length;
  failureOf.clear();
  const back = await recovery(at, cold, seen, { limit: 20, ...options });
  expect(serving.child.exitCode).toBeNull();
  const row = { scenario: `${name} fails`, rounds: `${failures.length} ways`, recovery: [back], upstream: calls };
  await reckon(at, seen, row);
}

test('a broker that fails in any way vends nothing, and its workloads are back within 15 s of its return', async () => {
  const at = await world(30);
  const key = makeKey('broker');
  /** @param shown the wallet that the answer names; @param inside the one in the JWT */
  const minted = async (shown: string, inside: string, exp = now() + 300) => ({
    wallet: shown,
    expiration: exp,
    jwt: await sign(key, {
      iss: 'https://broker.example.com',
      sub: `agentkeys:agent:${inside}`,
      aud: 'sts.amazonaws.com',
      iat: now(),
      exp,
      agentkeys_user_wallet: inside,
      'https://aws.amazon.com/tags': { principal_tags: { agentkeys_user_wallet: [inside] } },
    }),
  });
  const wallets = new Map([...at.workloads].map(([name, wallet]) => [`Bearer bearer-of-${name}`, wallet]));
  const answering = (change: (wallet: string) => Promise<unknown>): TestServer['handler'] => {
    return (incoming, outgoing) => {
      const wallet = wallets.get(incoming.headers.authorization ?? '');
      if (wallet === undefined) return json(outgoing, 401, { error: 'unauthorized' });
      void change(wallet).then(value => json(outgoing, 200, value));
    };
  };
  const server = await startServer(answering(wallet => minted(wallet, wallet)));
  for (const name of at.workloads.keys()) at.write(`bearers/${name}`, `bearer-of-${name}`);
  const identityToken = `{ broker: { url: "${server.url}", bearer_file: "${at.folder}/bearers/{workload}" } }`;
  at.write('walletcreds.yaml', at.yaml({ identityToken }));
  await failing(at, server, {
    name: 'The broker',
    from: request => request.headers.authorization?.replace('Bearer bearer-of-', ''),
    statuses: [403, 503],
    more: {
      'refuses with 401': (_, outgoing) => json(outgoing, 401, { error: 'unauthorized' }),
      'refuses with 403': (_, outgoing) => json(outgoing, 403, { error: 'forbidden' }),
      "answers with another's wallet": answering(() => minted(walletOf(70), walletOf(70))),
      "answers with another's JWT": answering(wallet => minted(wallet, walletOf(70))),
      'answers with an expired JWT': answering(wallet => minted(wallet, wallet, now() - 5)),
      'answers without a JWT': answering(async wallet => ({ wallet })),
    },
  });
});

test('a session backend that fails in any way lets nobody in, and those who are, in again at once', async () => {
  const at = await world(1);
  const sessions = Array.from({ length: 30 }, (_, n) => `s${n}`);
  const bearer = (name: string) => `session-of-${name}-0123456789`;
  const wallets = new Map(sessions.map((name, n) => [name, walletOf(100 + n)]));
  const server = await startServer((incoming, outgoing) => {
    const name = sessions.find(each => incoming.headers.authorization === `Bearer ${bearer(each)}`);
    const wallet = name === undefined ? undefined : wallets.get(name);
    json(outgoing, wallet === undefined ? 401 : 200, wallet === undefined ? { message: 'unknown' } : { wallet });
  });
  const backend = `callers: { session_backend: { url: "${server.url}", listeners: [endpoint], any_wallet: true } }`;
  at.write('walletcreds.yaml', at.yaml({ more: [backend] }));
  Object.assign(at, { workloads: wallets });
  await failing(at, server, {
    name: 'The session backend',
    from: request => sessions.find(each => request.headers.authorization === `Bearer ${bearer(each)}`),
    allowed: { presents: bearer },
    statuses: [503],
    more: {
      'answers without a wallet': (_, outgoing) => json(outgoing, 200, { scope: 'all' }),
      'answers with what is no wallet': (_, outgoing) => json(outgoing, 200, { wallet: '0x12*' }),
    },
  });
});

test('issuers whose keys are away let nobody in, and everybody with a good JWT once they are back', async () => {
  const at = await world(24);
  const key = makeKey('of-callers');
  const server = await startServer((_, outgoing) => json(outgoing, 200, { keys: [key.jwk] }));
  const jwts = new Map<string, string>();
  const trusted: string[] = [];
  for (const name of at.workloads.keys()) {
    const issuer = `${server.url}/${name}`;
    const claims = { iss: issuer, aud: 'walletcreds', sub: `app:${name}`, iat: now() - 5, exp: now() + 3_000 };
    jwts.set(name, await sign(key, claims));
    const known = `jwks: { url: "${issuer}/keys" }, subjects: { "app:${name}": ${name} }`;
    trusted.push(`{ issuer: "${issuer}", audience: walletcreds, listeners: [endpoint], ${known} }`);
  }
  at.write('walletcreds.yaml', at.yaml({ more: [`callers: { jwt: [${trusted.join(', ')}] }`] }));
  await failing(at, server, {
    name: 'The issuer of callers’ JWTs',
    from: request => request.url?.split('/')[1],
    allowed: { presents: name => jwts.get(name) ?? '' },
    statuses: [503],
  });
});
