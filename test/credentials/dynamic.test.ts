/** Mints by callers whose workload isn't configured: its state lasts for as long as it is needed. */
import { describe, expect, test } from 'vitest';
import { BrokerRefused, StsRefused, StsUnavailable } from '../../src/lib/errors.ts';
import { workload } from '../support/workload.ts';
import { callerOf, minted, outcome, setUp } from './support.ts';

const dynamic = (name: string) =>
  callerOf(workload({ name: `session:${name}`, origin: 'dynamic' }), { kind: 'session', tokenHash: name });

describe('a mint by a caller with a session', () => {
  test('gets its credentials however long STS takes, and whatever else is looked at meanwhile', async () => {
    const { vending, exchange, w, caller, clock } = setUp();
    exchange.answer = call => clock.schedule(() => call.grant(), 3_000);
    const mints = Array.from({ length: 15 }, (_, i) => minted(vending.mint(dynamic(`${i}`), 'mint-aws-creds')));
    void outcome(vending.vend(caller));
    vending.reconcile([{ workload: w, prefetch: true }]);
    const again = dynamic('again');
    await clock.advance(500);
    mints.push(minted(vending.mint(again, 'mint-aws-creds')));
    await clock.advance(60_000);
    // Those that had begun before the reload are discarded by it; this is about the one after.
    expect(await mints.at(-1)).toMatch(/^minted/);
  });

  test('of 162 at once, through renewals and other workloads’ failures, none is told that it isn’t configured', async () => {
    const { vending, exchange, w, clock } = setUp();
    vending.reconcile([{ workload: w, prefetch: true }]);
    exchange.lifetime = 20_000;
    exchange.answer = call => clock.schedule(() => call.grant(), 700);
    const mints = Array.from({ length: 162 }, (_, i) => minted(vending.mint(dynamic(`${i}`), 'mint-aws-creds')));
    await clock.advance(60_000);
    expect((await Promise.all(mints)).filter(said => !said.startsWith('minted'))).toEqual([]);
  });

  test('keeps its back-off: a minute of tries in an outage makes no more calls than a configured workload', async () => {
    const calls = async (of: (world: ReturnType<typeof setUp>) => ReturnType<typeof callerOf>, error: Error) => {
      const world = setUp();
      const caller = of(world);
      world.exchange.answer = call => call.fail(error);
      for (let i = 0; i < 120; i++) {
        await minted(world.vending.mint(caller, 'mint-aws-creds'));
        await world.clock.advance(500);
      }
      return world.exchange.calls.length;
    };
    for (const error of [new StsUnavailable('down'), new StsRefused('AccessDenied', 'no')]) {
      const configured = await calls(({ caller }) => caller, error);
      expect(await calls(() => dynamic('a'), error)).toBe(configured);
      expect(configured).toBeLessThanOrEqual(8);
    }
  });

  test('fills no cache and is never renewed', async () => {
    const { vending, exchange, clock } = setUp();
    expect(await minted(vending.mint(dynamic('a'), 'mint-aws-creds'))).toBe('minted ASIA1');
    await clock.advance(10 * 3_600_000);
    expect(exchange.calls).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });
});

test('after a broker’s refusals end, every workload has credentials within 15 s', async () => {
  const { vending, tokens, clock } = setUp();
  const good = tokens.answer;
  tokens.answer = () => Promise.reject(new BrokerRefused('401'));
  const all = Array.from({ length: 50 }, (_, i) => workload({ name: `w${i}` }));
  vending.reconcile(all.map(w => ({ workload: w, prefetch: true })));
  await clock.advance(30 * 60_000 + 20_000);
  tokens.answer = good;
  await clock.advance(15_000);
  expect(vending.status().filter(({ state }) => state !== 'valid')).toEqual([]);
});
