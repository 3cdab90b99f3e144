/**
 * Fifty thousand requests without a good token: how many records they make, whether each is counted, and how they slow down
 * a workload that asks at the same time.
 *
 * The workload's p99 may be twice its p99 alone, no more. It is measured in pairs, alone right before the flood, so that
 * both have the same machine. The same number of good requests is measured as well: it shows what is due to one thread
 * that answers everybody.
 *
 * @module
 */
import { join } from 'node:path';
import Database from 'libsql';
import { ask, untilOk } from '../lib/http.mjs';
import { ownProgram, serve } from '../lib/program.mjs';
import { median, summary } from '../lib/statistics.mjs';
import { makeWorld } from '../lib/world.mjs';

const REQUESTS = 50_000;
const CONNECTIONS = 16;
const WINDOW_MS = 500;

/** @param {{ quick: boolean, note: (text: string) => void }} options */
export async function flood({ quick, note }) {
  const world = await makeWorld({ workloads: 2 });
  const program = serve(world.config, { stderr: 'null' });
  const [load, crowd, unauthenticated] = [
    ownProgram('load', { role: 'client' }),
    ownProgram('load', { role: 'client' }),
    ownProgram('flood', { role: 'client' }),
  ];
  const port = world.endpointPort;
  const window = async () => {
    const found = await load.ask({ port, connections: 1, warmMs: 0, ms: WINDOW_MS, requests: [world.requests[0]] });
    if (found.failed > 0) throw new Error(`a good request was refused: ${found.sample}`);
    return found.p99;
  };
  /** The median p99 of a workload while something else goes on. The last window reaches beyond its end. */
  const meanwhile = async others => {
    let over = false;
    const ended = others.finally(() => {
      over = true;
    });
    const found = [];
    while (!over) found.push(await window());
    await ended;
    return median(found.slice(0, Math.max(1, found.length - 1)));
  };
  try {
    for (const token of world.tokens) await untilOk(port, { headers: { Authorization: token } });
    await window();
    const began = Math.floor(Date.now() / 60_000);
    const rounds = quick ? 5 : 10;
    const p99 = { alone: [], crowd: [], unauthenticated: [] };
    let refused = 0;
    let took = 0;
    for (let round = 0; round < rounds; round++) {
      p99.alone.push(await window());
      const storm = unauthenticated.ask({ port, connections: CONNECTIONS, requests: REQUESTS / rounds });
      p99.unauthenticated.push(await meanwhile(storm));
      const { refused: times, ms } = await storm;
      refused += times;
      took += ms;
      const all = { port, connections: CONNECTIONS, warmMs: 0, ms, requests: [world.requests[1]] };
      p99.crowd.push(await meanwhile(crowd.ask(all)));
    }
    if ((await ask(port, { headers: { Authorization: world.tokens[0] } })).status !== 200) throw new Error('refused');
    await program.stop();
    const minutes = Math.floor(Date.now() / 60_000) - began + 1;
    const { rows, counted } = failures(join(world.folder, 'audit.sqlite'));

    const ratio = to => summary(p99.unauthenticated.map((value, round) => value / p99[to][round]));
    note(`${refused} requests refused in ${took.toFixed(0)} ms, ${rows} records that count ${counted}`);
    note(
      `p99 of a workload that asks meanwhile: ${micro(p99.alone)} alone, ${micro(p99.crowd)} among ${CONNECTIONS} others, ${micro(p99.unauthenticated)} among ${CONNECTIONS} unauthenticated`,
    );
    return {
      requests: REQUESTS,
      refused,
      ms: took,
      rows,
      counted,
      p99,
      figures: [
        { what: `records a minute for ${REQUESTS} unauthenticated requests`, found: rows / minutes, atMost: 60 },
        { what: 'unauthenticated requests that no record counts', found: REQUESTS - counted, atMost: 0 },
        { what: `p99 among ${CONNECTIONS} unauthenticated / alone`, found: ratio('alone'), atMost: 2 },
        { what: `p99 among ${CONNECTIONS} unauthenticated / among ${CONNECTIONS} others`, found: ratio('crowd') },
      ],
    };
  } finally {
    for (const each of [load, crowd, unauthenticated]) await each.stop();
    await program.stop();
    await world.remove();
  }
}

const micro = values => `${median(values).toFixed(0)} µs`;

function failures(path) {
  const db = new Database(path, { readonly: true });
  try {
    const [found] = db
      .prepare("SELECT count(*) AS rows, sum(count) AS counted FROM mint_log WHERE outcome = 'auth_failed'")
      .all();
    return found;
  } finally {
    db.close();
  }
}
