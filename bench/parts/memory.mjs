/**
 * The memory of the process after garbage collection, with one workload, a hundred and ten thousand. Each workload has had
 * its credentials. One workload is compared with a bare `node:http` server that has answered as many requests.
 *
 * The targets are for an idle process. Right after a burst V8 still keeps a young generation of up to 32 MB, and gives it
 * back once two collections have found the process idle. Both figures are shown.
 *
 * @module
 */
import { setTimeout } from 'node:timers/promises';
import { ask, untilOk } from '../lib/http.mjs';
import { ownProgram, serve } from '../lib/program.mjs';
import { makeWorld } from '../lib/world.mjs';

const KB = 1024;
const MB = KB * KB;
/** Requests under way: each must have its exchange within the 0.9 s that it waits. */
const AT_ONCE = 32;
const IDLE_MS = 10_000;

/** @param {{ quick: boolean, note: (text: string) => void }} options */
export async function memory({ quick, note }) {
  const sizes = quick ? [1, 100, 2_000] : [1, 100, 10_000];
  const bare = await ofBare();
  note(`bare node:http: ${line(bare)}`);
  const ours = {};
  for (const size of sizes) {
    ours[size] = await ofServe(size);
    note(`${size} workloads: ${line(ours[size])}`);
  }
  const [one, most] = [sizes[0], sizes.at(-1)];
  const ratio = when => ours[one][when].rss / bare[when].rss;
  const further = (when, key) => (ours[most][when][key] - ours[one][when][key]) / (most - one) / KB;
  return {
    bare,
    ours,
    figures: [
      { what: 'RSS with one workload / bare node:http, idle', found: ratio('idle'), atMost: 1.4 },
      { what: 'RSS with one workload / bare node:http, right after', found: ratio('busy') },
      {
        what: `heap for each further workload, of ${most}`,
        found: further('idle', 'heapUsed'),
        unit: 'KB',
        atMost: 5.5,
      },
      { what: `RSS for each further workload, of ${most}, idle`, found: further('idle', 'rss'), unit: 'KB', atMost: 9 },
      { what: `RSS for each further workload, of ${most}, right after`, found: further('busy', 'rss'), unit: 'KB' },
    ],
  };
}

function line({ busy, idle }) {
  const mb = bytes => (bytes / MB).toFixed(1);
  return `RSS ${mb(busy.rss)} MB right after, ${mb(idle.rss)} MB idle; heap ${mb(idle.heapUsed)} MB`;
}

/** The memory right after the requests, and after the second of two collections with nothing to do in between. */
async function memoryOf(program) {
  const busy = await program.memory();
  await setTimeout(IDLE_MS);
  await program.memory();
  await setTimeout(IDLE_MS);
  return { busy, idle: await program.memory() };
}

async function ofBare() {
  const program = ownProgram('baseline');
  try {
    const headers = ['Content-Type', 'application/json'];
    const { port } = await program.ask({ kind: 'bare', tokens: [], headers, body: '{}' });
    for (let i = 0; i < 100; i++) await ask(port, { path: '/' });
    return await memoryOf(program);
  } finally {
    await program.stop();
  }
}

async function ofServe(size) {
  const world = await makeWorld({ workloads: size, prefetch: false });
  const program = serve(world.config, { probed: true, stderr: 'null' });
  try {
    const requests = [...world.tokens];
    while (requests.length < 100) requests.push(world.tokens[0]);
    const one = async () => {
      for (let token = requests.pop(); token !== undefined; token = requests.pop()) {
        await untilOk(world.endpointPort, { headers: { Authorization: token } });
      }
    };
    // One request first, until the process listens.
    await untilOk(world.endpointPort, { headers: { Authorization: world.tokens[0] } });
    await Promise.all(Array.from({ length: AT_ONCE }, one));
    return await memoryOf(program);
  } finally {
    await program.stop();
    await world.remove();
  }
}
