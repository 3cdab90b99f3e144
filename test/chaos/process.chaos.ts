import { expect, test } from 'vitest';
import { reckon } from './after.ts';
import { random, rounds } from './budget.ts';
import { nothingSeen, pause, recovery, startLoad } from './load.ts';
import { world } from './world.ts';

const chance = random('process');

test('kill -9 under load loses no record of what has left the process', async () => {
  const at = await world(20);
  const names = [...at.workloads.keys()];
  const seen = nothingSeen();
  const back: number[] = [];
  const round = rounds(0.15, 100);
  while (round.more()) {
    const serving = await at.serve();
    back.push(await recovery(at, names.slice(0, 5), seen));
    const load = startLoad(at, { names, lanes: 8, pauseMs: 0, seen });
    await pause(50 + chance.below(400));
    serving.child.kill('SIGKILL');
    await serving.exited;
    await load.stop();
  }
  await reckon(at, seen, { scenario: 'kill -9 under load', rounds: `${round.done} kills`, recovery: back });
});

test('a process that was stopped and goes on vends nothing that expired meanwhile', async () => {
  const at = await world(4);
  const names = [...at.workloads.keys()];
  // A quarter of a lifetime must be left, so these are vended for three seconds of their four.
  at.sts.lifetime = 4;
  const serving = await at.serve();
  const load = startLoad(at, { names });
  const back: number[] = [];
  const round = rounds(0.05, 10);
  while (round.more()) {
    back.push(await recovery(at, names, load.seen));
    serving.child.kill('SIGSTOP');
    await pause(1_000 + chance.below(4_000));
    serving.child.kill('SIGCONT');
  }
  back.push(await recovery(at, names, load.seen));
  await load.stop();
  await reckon(at, load.seen, { scenario: 'SIGSTOP, SIGCONT', rounds: `${round.done} stops`, recovery: back });
});

test.each([40, 64, 128])(
  'a limit of %i descriptors ends nothing: it serves on, and is itself again afterwards',
  async limit => {
    const at = await world(4);
    const names = [...at.workloads.keys()];
    const serving = await at.serve({ through: ['sh', '-c', `ulimit -n ${limit}; exec "$0" "$@"`] });
    const seen = nothingSeen();
    await recovery(at, names, seen);
    const load = startLoad(at, { names, lanes: 2 * limit, pauseMs: 0, seen });
    await pause(1_500);
    await load.stop();
    const back = await recovery(at, names, seen);
    expect(serving.child.exitCode).toBeNull();
    await reckon(at, seen, { scenario: `${limit} descriptors, ${2 * limit} clients`, rounds: '1', recovery: [back] });
  },
);
