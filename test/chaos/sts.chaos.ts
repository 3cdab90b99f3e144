import { expect, test } from 'vitest';
import { reckon } from './after.ts';
import { random, rounds } from './budget.ts';
import { askFor, nothingSeen, pause, recovery, startLoad } from './load.ts';
import { MOODS } from './moods.ts';
import { walletOf, world } from './world.ts';

const chance = random('sts');
const names = Object.keys(MOODS);

test('every mood of STS at once, each for one workload: the others notice nothing, and each comes back', async () => {
  const at = await world(names.length + 1);
  const healthy = `w${names.length}`;
  for (const [n, name] of names.entries()) at.sts.setMood(MOODS[name], walletOf(n));
  const serving = await at.serve();
  const seen = nothingSeen();
  const moody = names.map((_, n) => `w${n}`);
  await recovery(at, [healthy], seen);
  // From memory meanwhile; only these answers count for the p99.
  const load = startLoad(at, { names: [healthy], seen });
  const failing = nothingSeen();
  for (;;) {
    const statuses = await Promise.all(moody.map(name => askFor(at, name, failing)));
    expect(names.filter((_, n) => ![403, 503].includes(statuses[n] ?? 0))).toEqual([]);
    if (moody.every((_, n) => at.sts.hasAsked(walletOf(n)))) break;
    await pause(200);
  }
  await load.stop();
  expect([failing.vended.size, failing.faults]).toEqual([0, []]);
  const upstream = at.sts.calls;
  for (const n of names.keys()) at.sts.setMood(undefined, walletOf(n));
  const back = await recovery(at, moody, seen, { limit: 90 });
  expect(serving.child.exitCode).toBeNull();
  const row = { scenario: 'STS fails, one workload for each way', rounds: `${names.length} ways` };
  await reckon(at, seen, { ...row, recovery: [back], upstream });
});

test('one mood of STS after the other for 500 workloads: few calls, and all come back', async () => {
  const round = rounds(0.22, names.length);
  const order = chance.shuffled(names);
  while (round.more()) {
    const name = order[round.done - 1] ?? '';
    const at = await world(500);
    const serving = await at.serve();
    const seen = nothingSeen();
    const [healthy = '', ...others] = at.workloads.keys();
    await recovery(at, [healthy], seen);
    at.sts.setMood(MOODS[name]);
    const cached = startLoad(at, { names: [healthy], lanes: 2, seen });
    const load = startLoad(at, { names: others, lanes: 32, pauseMs: 0, seen: nothingSeen() });
    await pause(3_000);
    await Promise.all([cached.stop(), load.stop()]);
    for (const [status, n] of load.seen.statuses) seen.statuses.set(status, n + (seen.statuses.get(status) ?? 0));
    expect([name, load.seen.vended.size, load.seen.faults.slice(0, 5)]).toEqual([name, 0, []]);
    const upstream = at.sts.calls;
    at.sts.setMood(undefined);
    const back = await recovery(at, others, seen, { limit: 90 });
    expect(serving.child.exitCode).toBeNull();
    await reckon(at, seen, { scenario: `STS ${name}`, rounds: '500 workloads', recovery: [back], upstream });
    serving.child.kill('SIGKILL');
    await serving.exited;
  }
});
