/**
 * Clients that ask without end, and look at every answer: whose credentials, still good, and later whether recorded.
 *
 * @module
 */
import { Agent } from 'node:http';
import { type Answer, ask } from '../support/request.ts';
import { tokenOf, type World } from './world.ts';

/** What clients saw. `faults` are broken promises, and must stay empty. */
export interface Seen {
  /** Access key id → workload, of every 200. */
  readonly vended: Map<string, string>;
  /** Status → answers; 0 where there was none. */
  readonly statuses: Map<number, number>;
  /** Milliseconds of the answers with credentials that had been vended before. */
  readonly cachedMs: number[];
  readonly faults: string[];
}

export const nothingSeen = (): Seen => ({ vended: new Map(), statuses: new Map(), cachedMs: [], faults: [] });

export interface Allowed {
  /** Wallets that a workload may have now; default, the one that it was given at first. */
  walletsOf?: (name: string) => readonly (string | undefined)[];
  /** What it presents; default, its token. */
  presents?: (name: string) => string;
  /** Wall time in ms, as it really is. */
  now?: () => number;
}

/** Asks once as a container does. An answer that must not be is written down. */
export async function askFor(
  at: World,
  name: string,
  seen: Seen,
  allowed: Allowed = {},
  agent?: Agent,
): Promise<number> {
  const { walletsOf = workload => [at.workloads.get(workload)], now = Date.now, presents = tokenOf } = allowed;
  const before = walletsOf(name);
  let answer: Answer;
  try {
    const headers = { authorization: presents(name) };
    answer = await ask({
      port: at.port,
      path: '/v1/credentials',
      headers,
      timeout: 4_000,
      ...(agent ? { agent } : {}),
    });
  } catch {
    count(seen, 0);
    return 0;
  }
  count(seen, answer.status);
  if (answer.status !== 200) {
    if (!isError(answer)) seen.faults.push(`${name}: ${answer.status} is not in the form of an error`);
    return answer.status;
  }
  const { AccessKeyId: key, Expiration: expiration, SecretAccessKey: secret } = JSON.parse(answer.body);
  const issued = at.sts.issued.get(key);
  if (issued === undefined) seen.faults.push(`${name}: STS never issued ${key}`);
  else if (![...before, ...walletsOf(name)].includes(issued.wallet)) seen.faults.push(`${name}: has ${issued.wallet}`);
  else if (issued.secretAccessKey !== secret) seen.faults.push(`${name}: has a secret of another key`);
  const until = Math.min(Date.parse(expiration), issued?.expiration ?? 0);
  if (!(until > now())) seen.faults.push(`${name}: expired ${Math.round((now() - until) / 1_000)} s ago`);
  if (seen.vended.has(key)) seen.cachedMs.push(answer.ms);
  seen.vended.set(key, name);
  return 200;
}

function count({ statuses }: Seen, status: number): void {
  statuses.set(status, (statuses.get(status) ?? 0) + 1);
}

function isError({ body, headers }: Answer): boolean {
  try {
    return headers['content-type'] === 'application/json' && typeof JSON.parse(body).code === 'string';
  } catch {
    return false;
  }
}

export interface Load {
  readonly seen: Seen;
  stop(): Promise<void>;
}

/** @param lanes how many ask at a time, each with a pause of `pauseMs` between two requests */
export function startLoad(
  at: World,
  options: { names: readonly string[]; lanes?: number; pauseMs?: number; seen?: Seen; allowed?: Allowed },
): Load {
  const { names, lanes = 4, pauseMs = 5, seen = nothingSeen(), allowed } = options;
  const agent = new Agent({ keepAlive: true, maxSockets: lanes });
  let stopped = false;
  let next = 0;
  const lane = async () => {
    while (!stopped) {
      await askFor(at, names[next++ % names.length] as string, seen, allowed, agent);
      await pause(pauseMs);
    }
  };
  const running = Promise.all(Array.from({ length: lanes }, lane));
  return {
    seen,
    async stop() {
      stopped = true;
      await running;
      agent.destroy();
    },
  };
}

export const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms));

/** Seconds until each of these workloads has had a 200 once more. @throws after `limit` seconds, naming who has none */
export async function recovery(
  at: World,
  names: readonly string[],
  seen: Seen,
  { limit = 45, allowed }: { limit?: number; allowed?: Allowed } = {},
): Promise<number> {
  const began = performance.now();
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  let missing = [...names];
  const last = new Map<string, number>();
  for (;;) {
    const statuses = await Promise.all(missing.map(name => askFor(at, name, seen, allowed, agent)));
    for (const [i, name] of missing.entries()) last.set(name, statuses[i] ?? 0);
    missing = missing.filter(name => last.get(name) !== 200);
    const seconds = (performance.now() - began) / 1_000;
    if (missing.length === 0 || seconds > limit) {
      agent.destroy();
      if (missing.length === 0) return seconds;
      const examples = missing.slice(0, 5).map(name => `${name} ${last.get(name)}`);
      throw new Error(`after ${limit} s ${missing.length} workloads have no credentials: ${examples.join(', ')}`);
    }
    await pause(100);
  }
}
