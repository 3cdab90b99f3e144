/** How hard STS is asked: more while nothing is throttled, hardly at all while it throttles. */
import { describe, expect, test } from 'vitest';
import { StsUnavailable } from '../../src/lib/errors.ts';
import { workload } from '../support/workload.ts';
import { callerOf, minted, outcome, setUp } from './support.ts';

const throttled = () => new StsUnavailable('Throttling', { throttled: true });
const many = (count: number) => Array.from({ length: count }, (_, i) => workload({ name: `w${i}` }));

/** STS answers after `ms`; what it answers is asked when it does. */
function answersAfter({ clock, exchange }: ReturnType<typeof setUp>, ms: number, refuses: () => boolean): void {
  exchange.answer = call => {
    clock.schedule(() => (refuses() ? call.fail(throttled()) : call.grant()), ms);
  };
}

describe('while nothing is throttled', () => {
  test('1,000 workloads have their first credentials within 2 s of an STS that takes 50 ms', async () => {
    const world = setUp();
    answersAfter(world, 50, () => false);
    world.vending.reconcile(many(1_000).map(w => ({ workload: w, prefetch: true })));
    await world.clock.advance(2_000);
    expect(world.vending.status().filter(({ hadCredentials }) => hadCredentials)).toHaveLength(1_000);
    expect(world.exchange.calls).toHaveLength(1_000);
  });

  test('8 exchanges begin at first, and never more than 64 are under way', async () => {
    const { vending, exchange, clock } = setUp();
    exchange.answer = () => {};
    vending.reconcile(many(300).map(w => ({ workload: w, prefetch: true })));
    await clock.advance(0);
    expect(exchange.calls).toHaveLength(8);
    for (let done = 0; done < 200; done++) {
      exchange.calls[done]?.grant();
      await clock.advance(0);
      expect(exchange.calls.length - done - 1).toBeLessThanOrEqual(64);
    }
    expect(exchange.calls.length - 200).toBe(64);
  });
});

describe('while STS throttles', () => {
  test('500 workloads make a few calls a minute, and all have credentials soon after it ends', async () => {
    const world = setUp();
    const { vending, exchange, clock } = world;
    let throttling = true;
    answersAfter(world, 5, () => throttling);
    vending.reconcile(many(500).map(w => ({ workload: w, prefetch: true })));
    await clock.advance(1_000);
    expect(exchange.calls.length).toBeLessThanOrEqual(10);
    const before = exchange.calls.length;
    await clock.advance(60_000);
    expect(exchange.calls.length - before).toBeLessThanOrEqual(20);
    throttling = false;
    await clock.advance(15_000);
    expect(vending.status().filter(({ state }) => state === 'valid').length).toBe(500);
  });

  test('one throttled call among many at once halves what follows, whatever the others of its burst say', async () => {
    const { vending, exchange, clock } = setUp();
    exchange.answer = () => {};
    vending.reconcile(many(100).map(w => ({ workload: w, prefetch: true })));
    await clock.advance(0);
    for (const call of exchange.calls.slice(0, 8)) call.fail(throttled());
    await clock.advance(499);
    expect(exchange.calls).toHaveLength(8);
    // One probe after the pause; what it finds decides.
    await clock.advance(200);
    expect(exchange.calls).toHaveLength(9);
    exchange.calls[8]?.grant();
    await clock.advance(0);
    expect(exchange.calls).toHaveLength(11);
  });

  test('a vend is answered within 0.9 s, a mint within 10 s', async () => {
    const world = setUp();
    const { vending, clock } = world;
    answersAfter(world, 5, () => true);
    const all = many(200);
    vending.reconcile(all.map(w => ({ workload: w, prefetch: true })));
    await clock.advance(100);
    const last = callerOf(all.at(-1) ?? workload());
    const vend = outcome(vending.vend(last));
    const mint = minted(vending.mint(last, 'mint-aws-creds'));
    await clock.advance(900);
    expect(await vend).toBe('CredentialsUninitialized');
    await clock.advance(9_100);
    expect(await mint).toBe('StsUnavailable');
  });

  test('other failures slow nothing down', async () => {
    const { vending, exchange, clock } = setUp();
    exchange.answer = call => clock.schedule(() => call.fail(new StsUnavailable('down')), 10);
    vending.reconcile(many(80).map(w => ({ workload: w, prefetch: true })));
    await clock.advance(101);
    expect(exchange.calls).toHaveLength(80);
  });
});
