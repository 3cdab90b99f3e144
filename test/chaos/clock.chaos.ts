import { Writable } from 'node:stream';
import { expect, onTestFinished, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { createLogger } from '../../src/lib/create-logger.ts';
import { createSidecar } from '../../src/server/sidecar.ts';
import { reckon } from './after.ts';
import { random, rounds } from './budget.ts';
import { askFor, nothingSeen } from './load.ts';
import { world } from './world.ts';

const chance = random('clock');
const MINUTE = 60_000;

test('no step of the clock and no suspension vends what has expired', async () => {
  // The time as it really is, which STS has, and how far the machine's clock is off.
  let passed = 0;
  let off = 0;
  const now = () => Date.now() + passed;
  const at = await world(3, now);
  const clock = {
    ...systemClock,
    wall: () => now() + off,
    monotonic: () => systemClock.monotonic() + passed,
  };
  const log = createLogger({ level: 'silent', destination: new Writable() });
  const sidecar = await createSidecar(await loadConfig(at.config), { log, clock });
  onTestFinished(() => sidecar.close(0));
  const seen = nothingSeen();
  const round = rounds(0.03, 500);
  while (round.more()) {
    const kind = chance.below(4);
    if (kind === 0) off = 0;
    else if (kind === 1) off = (chance.below(2) === 0 ? 1 : -1) * chance.below(3 * 24 * 60 * MINUTE);
    else passed += chance.below(90 * MINUTE);
    at.sts.lifetime = 60 * (5 + chance.below(60));
    for (const name of at.workloads.keys()) await askFor(at, name, seen, { now });
  }
  // With the right time again each of them gets credentials, once back-off has passed.
  off = 0;
  passed += 5 * MINUTE;
  const last = await Promise.all([...at.workloads.keys()].map(name => askFor(at, name, seen, { now })));
  expect(last).toEqual([200, 200, 200]);
  await sidecar.close(0);
  await reckon(at, seen, { scenario: 'Clock steps of up to 3 days, suspensions', rounds: `${round.done} steps` });
});
