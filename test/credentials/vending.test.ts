/**
 * Vending: one STS call for many requests, and never expired credentials.
 *
 * @module
 */
import { describe, expect, test } from 'vitest';
import { StsRefused, StsUnavailable } from '../../src/lib/errors.ts';
import { parseWallet } from '../../src/workload/wallet.ts';
import { workload } from '../support/workload.ts';
import { bodyOf, callerOf, minted, outcome, setUp } from './support.ts';

const MINUTE = 60_000;

describe('row 16: never an upstream call per request', () => {
  test('1,000 simultaneous first requests are one STS call, and all get its credentials', async () => {
    const { vending, exchange, auditLog, tokens, caller, clock } = setUp();
    exchange.answer = () => {};
    const all = Array.from({ length: 1_000 }, () => outcome(vending.vend(caller)));
    await clock.advance(100);
    expect(exchange.calls).toHaveLength(1);
    exchange.calls[0]?.grant();
    expect(new Set(await Promise.all(all))).toEqual(new Set(['fetched ASIA1']));
    expect(tokens.presented).toHaveLength(1);
    await clock.advance(3_000);
    expect(auditLog.vends()).toBe(1_000);
  });

  test('1,000 simultaneous first requests share its failure as well', async () => {
    const { vending, exchange, caller, clock } = setUp();
    exchange.answer = () => {};
    const all = Array.from({ length: 1_000 }, () => outcome(vending.vend(caller)));
    await clock.advance(100);
    exchange.calls[0]?.fail(new StsUnavailable('down'));
    expect(new Set(await Promise.all(all))).toEqual(new Set(['StsUnavailable']));
    expect(exchange.calls).toHaveLength(1);
  });

  test('a request from memory is answered at once, without a promise', async () => {
    const { vending, caller } = setUp();
    expect(await outcome(vending.vend(caller))).toBe('fetched ASIA1');
    expect(await outcome(vending.vend(caller))).toBe('cached ASIA1 at once');
    expect(vending.vend(caller)).toBe(vending.vend(caller));
  });

  test('a client that hangs up cancels nothing: the call goes on and serves the next', async () => {
    const { vending, exchange, caller, clock } = setUp();
    exchange.answer = () => {};
    const gone = outcome(vending.vend(caller));
    await clock.advance(2_000);
    expect(await gone).toBe('CredentialsUninitialized');
    expect(exchange.calls[0]?.signal?.aborted).toBe(false);
    exchange.calls[0]?.grant();
    await clock.advance(0);
    expect(await outcome(vending.vend(caller))).toBe('cached ASIA1 at once');
    expect(exchange.calls).toHaveLength(1);
  });

  test('there is no moment around the end of a failed call in which a second one slips through', async () => {
    const { vending, exchange, caller, clock } = setUp();
    exchange.answer = () => {};
    const all = [outcome(vending.vend(caller))];
    await clock.advance(0);
    exchange.calls[0]?.fail(new StsUnavailable('down'));
    for (let turn = 0; turn < 50; turn++) {
      await Promise.resolve();
      all.push(outcome(vending.vend(caller)));
    }
    expect(new Set(await Promise.all(all))).toEqual(new Set(['StsUnavailable']));
    expect(exchange.calls).toHaveLength(1);
  });

  test('a storm of retries during an outage is one STS call, and is answered with its error', async () => {
    const { vending, exchange, auditLog, caller, clock } = setUp();
    exchange.answer = call => call.fail(new StsUnavailable('down'));
    for (let i = 0; i < 90; i++) {
      expect(await outcome(vending.vend(caller))).toBe('StsUnavailable');
      await clock.advance(10);
    }
    expect(exchange.calls).toHaveLength(1);
    expect(auditLog.failures).toHaveLength(1);
  });
});

describe('row 17: long-lived and never expired', () => {
  test('no answer ever has 15 minutes or less left while STS works and somebody asks', async () => {
    const { vending, caller, clock } = setUp();
    let shortest = Number.POSITIVE_INFINITY;
    for (let minute = 0; minute < 300; minute++) {
      const { credentials } = await vending.vend(caller);
      shortest = Math.min(shortest, credentials.expiration - clock.wall());
      await clock.advance(MINUTE);
    }
    expect(shortest).toBeGreaterThan(15 * MINUTE);
  });

  test('expired credentials are not served, however long the machine was suspended', async () => {
    const { vending, exchange, caller, clock } = setUp();
    await vending.vend(caller);
    exchange.answer = call => call.fail(new StsUnavailable('down'));
    clock.stepWall(2 * 3_600_000);
    expect(await outcome(vending.vend(caller))).toBe('StsUnavailable');
  });

  test('a wall clock that is set back doesn’t stretch their life', async () => {
    const { vending, exchange, caller, clock } = setUp();
    await vending.vend(caller);
    exchange.answer = call => call.fail(new StsUnavailable('down'));
    clock.stepWall(-10 * 3_600_000);
    await clock.advance(3_600_000 - 30_000);
    expect(await outcome(vending.vend(caller))).toBe('StsUnavailable');
  });

  test('credentials that STS gave with less than a minute left by this machine’s clock are an error that names the clock', async () => {
    const { vending, exchange, caller, clock } = setUp();
    exchange.answer = call => call.grant({ expiration: clock.wall() + 30_000, stsDate: clock.wall() - 3_570_000 });
    const error = await Promise.resolve(vending.vend(caller)).catch(e => e);
    expect(error).toBeInstanceOf(StsUnavailable);
    expect(error.message).toContain('3570 s ahead');
  });
});

describe('row 23: a cold miss', () => {
  test('waits for at most 0.9 s, then says CredentialsUninitialized and keeps fetching', async () => {
    const { vending, exchange, caller, clock } = setUp();
    exchange.answer = () => {};
    let said = '';
    void outcome(vending.vend(caller)).then(text => {
      said = text;
    });
    await clock.advance(899);
    expect(said).toBe('');
    await clock.advance(1);
    expect(said).toBe('CredentialsUninitialized');
    exchange.calls[0]?.grant();
    await clock.advance(0);
    expect(vending.status()[0]).toMatchObject({ state: 'valid', hadCredentials: true });
  });

  test('that is answered within 0.9 s gets its credentials', async () => {
    const { vending, exchange, caller, clock } = setUp();
    exchange.answer = () => {};
    const said = outcome(vending.vend(caller));
    await clock.advance(890);
    exchange.calls[0]?.grant();
    expect(await said).toBe('fetched ASIA1');
  });

  test('is over after 0.9 s even where the disk takes its time on top of STS', async () => {
    const { vending, exchange, auditLog, caller, clock } = setUp();
    auditLog.paused = true;
    exchange.answer = () => {};
    const said = outcome(vending.vend(caller));
    await clock.advance(800);
    exchange.calls[0]?.grant();
    await clock.advance(100);
    expect(await said).toBe('CredentialsUninitialized');
  });
});

describe('row 15: the whole answer', () => {
  test('counts what finding out who asks has taken', async () => {
    const { vending, exchange, caller, clock } = setUp();
    exchange.answer = () => {};
    const said = outcome(vending.vend(caller, 700));
    await clock.advance(200);
    expect(await said).toBe('CredentialsUninitialized');
  });
});

test('two workloads of one wallet, and two wallets of one name, never share an entry', async () => {
  const { vending, exchange } = setUp();
  const other = parseWallet('0xde709f2102306220921060314715629080e2fb77');
  const all = [workload(), workload({ name: 'b' }), workload({ wallet: other }), workload({ tags: { team: 'x' } })];
  vending.reconcile(all.map(w => ({ workload: w, prefetch: false })));
  for (const w of all) {
    const { SecretAccessKey, Token } = bodyOf(await vending.vend(callerOf(w)));
    expect([SecretAccessKey, Token]).toEqual([`secret-of-${w.wallet}`, `session-of-${w.name}`]);
  }
  expect(exchange.calls).toHaveLength(4);
});

test('metrics count exchanges by workload and outcome; those of dynamic workloads, which are many, under one label', async () => {
  const { vending, exchange, metrics, caller } = setUp();
  await vending.vend(caller);
  await vending.vend(callerOf(workload({ name: 'jwt:abc', origin: 'dynamic' })));
  exchange.answer = call => call.fail(new StsRefused('AccessDenied', 'no'));
  await minted(vending.mint(caller, 'exec'));
  const text = await metrics.registry.metrics();
  expect(text).toContain('walletcreds_exchanges_total{workload="scraper-a",outcome="ok"} 1');
  expect(text).toContain('walletcreds_exchanges_total{workload="scraper-a",outcome="AccessDenied"} 1');
  expect(text).toContain('walletcreds_exchanges_total{workload="(dynamic)",outcome="ok"} 1');
});
