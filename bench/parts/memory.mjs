/**
 * The memory of the process after garbage collection, with one workload, a hundred and ten thousand. Each workload has had
 * its credentials. One workload is compared with a bare `node:http` server that has answered as many requests.
 *
 * @module
 */
import { ask, untilOk } from '../lib/http.mjs';
import { ownProgram, serve } from '../lib/program.mjs';
import { makeWorld } from '../lib/world.mjs';

const KB = 1024;
const MB = KB * KB;
/** Requests under way: each must have its exchange within the 0.9 s that it waits. */
const AT_ONCE = 32;

/** @param {{ quick: boolean, note: (text: string) => void }} options */
export async function memory({ quick, note }) {
  const sizes = quick ? [1, 100, 2_000] : [1, 100, 10_000];
  const bare = await ofBare();
  note(`bare node:http: RSS ${(bare.rss / MB).toFixed(1)} MB, heap ${(bare.heapUsed / MB).toFixed(1)} MB`);
  const ours = {};
  for (const size of sizes) {
    ours[size] = await ofServe(size);
    const { rss, heapUsed } = ours[size];
    note(`${size} workloads: RSS ${(rss / MB).toFixed(1)} MB, heap ${(heapUsed / MB).toFixed(1)} MB`);
  }
  const [one, most] = [sizes[0], sizes.at(-1)];
  const further = key => (ours[most][key] - ours[one][key]) / (most - one) / KB;
  return {
    bare,
    ours,
    figures: [
      { what: 'RSS with one workload / bare node:http', found: ours[one].rss / bare.rss, atMost: 1.4 },
      { what: `heap for each further workload, of ${most}`, found: further('heapUsed'), unit: 'KB', atMost: 5.5 },
      { what: `RSS for each further workload, of ${most}`, found: further('rss'), unit: 'KB', atMost: 9 },
    ],
  };
}

async function ofBare() {
  const program = ownProgram('baseline');
  try {
    const headers = ['Content-Type', 'application/json'];
    const { port } = await program.ask({ kind: 'bare', tokens: [], headers, body: '{}' });
    for (let i = 0; i < 100; i++) await ask(port, { path: '/' });
    return await program.memory();
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
    return await program.memory();
  } finally {
    await program.stop();
    await world.remove();
  }
}
