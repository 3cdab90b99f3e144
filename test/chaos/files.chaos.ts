import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { reckon } from './after.ts';
import { random, rounds } from './budget.ts';
import { type Allowed, nothingSeen, pause, recovery, startLoad } from './load.ts';
import { tokenOf, type World, walletOf, world } from './world.ts';

const chance = random('files');

/** A load whose workloads change wallets: each may have the one from before until the change is in force. */
function changing(at: World): Allowed & { next: Map<string, string>; take(): void } {
  let old = new Map(at.workloads);
  const allowed = {
    next: new Map(at.workloads),
    walletsOf: (name: string) => [old.get(name), allowed.next.get(name)],
    take() {
      old = new Map(allowed.next);
    },
  };
  return allowed;
}

/** Waits until every workload has credentials of its new wallet, and holds it to that one from then on. */
async function settled(at: World, allowed: ReturnType<typeof changing>): Promise<number> {
  const began = performance.now();
  for (const name of at.workloads.keys()) {
    for (;;) {
      const seen = nothingSeen();
      await recovery(at, [name], seen, { allowed });
      expect(seen.faults).toEqual([]);
      const [key = ''] = seen.vended.keys();
      if (at.sts.issued.get(key)?.wallet === allowed.next.get(name)) break;
      if (performance.now() - began > 60_000) throw new Error(`${name} has its old wallet after a minute`);
      await pause(50);
    }
  }
  allowed.take();
  return (performance.now() - began) / 1_000;
}

/** The wallets dealt out again. */
function dealt(at: World): Map<string, string> {
  const wallets = chance.shuffled([...at.workloads.values()]);
  return new Map([...at.workloads.keys()].map((name, n) => [name, wallets[n] ?? walletOf(99)]));
}

test('a storm of reloads in which workloads swap wallets: nobody gets the wallet of before', async () => {
  const at = await world(10);
  const serving = await at.serve();
  const allowed = changing(at);
  const load = startLoad(at, { names: [...at.workloads.keys()], pauseMs: 2, allowed });
  const back: number[] = [];
  const round = rounds(0.04, 50);
  while (round.more()) {
    // Half a file now and then: it must change nothing.
    if (chance.below(3) === 0) at.write('walletcreds.yaml', at.yaml().slice(0, 400));
    for (let n = 0; n < 50; n++) serving.child.kill('SIGHUP');
    allowed.next = dealt(at);
    at.write('next.yaml', at.yaml({ workloads: allowed.next }));
    renameSync(join(at.folder, 'next.yaml'), at.config);
    for (let n = 0; n < 50; n++) serving.child.kill('SIGHUP');
    back.push(await settled(at, allowed));
  }
  await load.stop();
  await reckon(at, load.seen, {
    scenario: '100 SIGHUP, wallets swapped',
    rounds: `${round.done} storms`,
    recovery: back,
  });
});

test('the ..data link of a mounted volume swaps configuration and tokens as one', async () => {
  const at = await world(10);
  const mount = join(at.folder, 'mount');
  mkdirSync(mount);
  const publish = (version: string, workloads: ReadonlyMap<string, string>) => {
    mkdirSync(join(mount, version));
    const text = at.yaml({ workloads, tokens: mount });
    writeFileSync(join(mount, version, 'walletcreds.yaml'), text, { mode: 0o600 });
    for (const name of workloads.keys()) writeFileSync(join(mount, version, name), tokenOf(name), { mode: 0o600 });
    symlinkSync(version, join(mount, '..data_tmp'));
    renameSync(join(mount, '..data_tmp'), join(mount, '..data'));
  };
  publish('..0', at.workloads);
  for (const name of ['walletcreds.yaml', ...at.workloads.keys()]) symlinkSync(join('..data', name), join(mount, name));
  at.config = join(mount, 'walletcreds.yaml');
  await at.serve();
  const allowed = changing(at);
  const load = startLoad(at, { names: [...at.workloads.keys()], allowed });
  const back: number[] = [];
  const round = rounds(0.04, 30);
  while (round.more()) {
    allowed.next = dealt(at);
    publish(`..${round.done}`, allowed.next);
    rmSync(join(mount, `..${round.done - 1}`), { recursive: true });
    back.push(await settled(at, allowed));
  }
  await load.stop();
  await reckon(at, load.seen, { scenario: '`..data` swaps', rounds: `${round.done} swaps`, recovery: back });
});

test('files that are cut, emptied, replaced or gone take nothing away from what runs', async () => {
  const at = await world(4);
  const serving = await at.serve();
  const names = [...at.workloads.keys()];
  const load = startLoad(at, { names });
  const back = [await recovery(at, names, load.seen)];
  const victims = ['walletcreds.yaml', 'tokens/w0', 'tokens/w1', 'admin-token'];
  const round = rounds(0.04, 60);
  while (round.more()) {
    const file = join(at.folder, chance.pick(victims));
    const content = readFileSync(file);
    const fault = chance.below(4);
    if (fault === 0) truncateSync(file, 0);
    else if (fault === 1) truncateSync(file, Math.floor(content.length / 2));
    else if (fault === 2) rmSync(file);
    else writeFileSync(file, Buffer.from(content.map(byte => byte ^ 0x80)));
    serving.child.kill('SIGHUP');
    await pause(150);
    writeFileSync(file, content, { mode: 0o600 });
    serving.child.kill('SIGHUP');
    back.push(await recovery(at, names, load.seen));
  }
  await load.stop();
  expect(serving.child.exitCode).toBeNull();
  await reckon(at, load.seen, {
    scenario: 'Files cut, emptied, garbled, gone',
    rounds: `${round.done} faults`,
    recovery: back,
  });
});
