/**
 * A thousand first requests at once: of one workload, which must be one call of STS, and of a thousand workloads, which
 * are a thousand calls, and how long it takes until each has its credentials.
 *
 * @module
 */
import { ask, untilOk } from '../lib/http.mjs';
import { serve } from '../lib/program.mjs';
import { makeWorld } from '../lib/world.mjs';

const REQUESTS = 1_000;

/** @param {{ note: (text: string) => void }} options */
export async function storm({ note }) {
  const one = await burst(1);
  note(`one workload: ${one.calls} call, ${one.ms.toFixed(0)} ms, answers at first ${JSON.stringify(one.statuses)}`);
  const many = await burst(REQUESTS);
  note(
    `${REQUESTS} workloads: ${many.calls} calls, ${many.ms.toFixed(0)} ms, answers at first ${JSON.stringify(many.statuses)}`,
  );
  return {
    one,
    many,
    figures: [
      { what: `STS calls for ${REQUESTS} first requests of one workload`, found: one.calls, atMost: 1 },
      { what: `STS calls for ${REQUESTS} workloads’ first requests`, found: many.calls, atMost: REQUESTS },
      { what: `until each of ${REQUESTS} workloads has credentials`, found: many.ms, unit: 'ms', atMost: 2_000 },
    ],
  };
}

async function burst(workloads) {
  const world = await makeWorld({ workloads, prefetch: false });
  const program = serve(world.config, { stderr: 'null' });
  try {
    // A 401 shows that the process is up, and asks nothing of STS.
    await untilAnswered(world.endpointPort);
    const before = await world.stsCalls();
    const statuses = {};
    const from = performance.now();
    await Promise.all(
      Array.from({ length: REQUESTS }, async (_, i) => {
        const headers = { Authorization: world.tokens[i % workloads] };
        const { status } = await ask(world.endpointPort, { headers });
        statuses[status] = (statuses[status] ?? 0) + 1;
        if (status !== 200) await untilOk(world.endpointPort, { headers });
      }),
    );
    const ms = performance.now() - from;
    return { calls: (await world.stsCalls()) - before, ms, statuses };
  } finally {
    await program.stop();
    await world.remove();
  }
}

async function untilAnswered(port) {
  for (;;) {
    const answer = await ask(port).catch(() => undefined);
    if (answer !== undefined) return;
    await new Promise(resolve => setTimeout(resolve, 5));
  }
}
