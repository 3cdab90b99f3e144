/**
 * When credentials are renewed, and what a failed fetch means for the next.
 *
 * @module
 */
import { describe, expect, test } from 'vitest';
import {
  BrokerRefused,
  CredentialsUninitialized,
  StsRefused,
  StsUnavailable,
  TagMismatch,
} from '../../src/lib/errors.ts';
import { workload } from '../support/workload.ts';
import { callerOf, outcome, setUp } from './support.ts';

const MINUTE = 60_000;
const named = (name: string) => workload({ name });

describe('row 24: while renewal fails', () => {
  test('what is valid is served down to 60 s, then no more', async () => {
    const { vending, exchange, caller, clock } = setUp();
    await vending.vend(caller);
    exchange.answer = call => call.fail(new StsUnavailable('down'));
    await clock.advance(3_600_000 - 60_001);
    expect(await outcome(vending.vend(caller))).toBe('cached ASIA1');
    expect(vending.status()[0]).toMatchObject({
      state: 'failing',
      lastError: { code: 'StsUnavailable' },
      secondsLeft: 60,
    });
    await clock.advance(2);
    expect(await outcome(vending.vend(caller))).toBe('StsUnavailable');
    expect(exchange.calls.length).toBeGreaterThan(10);
  });

  test('a final refusal doesn’t take away what is valid', async () => {
    const { vending, exchange, caller, clock } = setUp();
    await vending.vend(caller);
    exchange.answer = call => call.fail(new StsRefused('AccessDenied', 'no'));
    await clock.advance(50 * MINUTE);
    expect(await outcome(vending.vend(caller))).toBe('cached ASIA1');
  });

  test('it recovers automatically, without being asked', async () => {
    const { vending, exchange, caller, clock } = setUp();
    await vending.vend(caller);
    exchange.answer = call => call.fail(new StsUnavailable('down'));
    await clock.advance(45 * MINUTE);
    exchange.answer = call => call.grant();
    await clock.advance(2 * MINUTE);
    expect(await outcome(vending.vend(caller))).toMatch(/^cached/);
    expect(vending.status()[0]).toMatchObject({
      state: 'valid',
      lastError: undefined,
      secondsLeft: expect.toSatisfy((s: number) => s > 57 * 60),
    });
  });
});

describe('row 27: renewal', () => {
  test.each([
    // L, min(max(20 min, L/3), L/2), in minutes
    [15, 7.5],
    [30, 15],
    [60, 20],
    [90, 30],
    [720, 240],
  ])(
    'of credentials that live %i min happens when %d min are left, with up to a tenth of jitter',
    async (life, threshold) => {
      for (const jitter of [0, 1]) {
        const { vending, exchange, clock } = setUp({ random: () => jitter });
        const w = workload({ sessionDuration: life * 60 });
        vending.reconcile([{ workload: w, prefetch: false }]);
        exchange.lifetime = life * MINUTE;
        await vending.vend(callerOf(w));
        const due = (life - threshold * (1 - jitter / 10)) * MINUTE;
        await clock.advance(due - 1_000);
        expect(exchange.calls).toHaveLength(1);
        await clock.advance(2_000);
        expect(exchange.calls).toHaveLength(2);
        expect(await outcome(vending.vend(callerOf(w)))).toBe('cached ASIA2');
      }
    },
  );

  test('L is the lifetime that STS really gave, not the one that was asked for', async () => {
    const { vending, exchange, caller, clock } = setUp();
    exchange.lifetime = 20 * MINUTE;
    await vending.vend(caller);
    await clock.advance(9 * MINUTE);
    expect(exchange.calls).toHaveLength(1);
    await clock.advance(3 * MINUTE);
    expect(exchange.calls).toHaveLength(2);
  });

  test('never happens twice within 30 s for the same workload, whether it works or fails', async () => {
    for (const works of [true, false]) {
      const { vending, exchange, caller, clock } = setUp();
      exchange.lifetime = 20 * MINUTE;
      await vending.vend(caller);
      exchange.answer = call =>
        works ? call.grant({ expiration: clock.wall() + 50_000 }) : call.fail(new StsUnavailable('down'));
      const until = clock.monotonic() + 15 * MINUTE;
      while (clock.monotonic() < until) {
        await Promise.resolve(vending.vend(caller)).catch(() => {});
        await clock.advance(1_000);
      }
      const times = exchange.calls.map(call => call.at);
      const gaps = times.slice(1).map((at, i) => at - (times[i] ?? 0));
      expect(exchange.calls.length).toBeGreaterThan(3);
      expect(Math.min(...gaps)).toBeGreaterThanOrEqual(30_000);
    }
  });

  test('happens in the background: meanwhile what is valid is served at once', async () => {
    const { vending, exchange, caller, clock } = setUp();
    await vending.vend(caller);
    exchange.answer = () => {};
    await clock.advance(43 * MINUTE);
    expect(exchange.calls).toHaveLength(2);
    expect(vending.status()[0]?.state).toBe('renewing');
    expect(await outcome(vending.vend(caller))).toBe('cached ASIA1');
    expect(await outcome(vending.vend(caller))).toBe('cached ASIA1 at once');
  });

  test('is not done for a workload that nobody asked for within the last session', async () => {
    const { vending, exchange, caller, clock } = setUp();
    await vending.vend(caller);
    await clock.advance(10 * 60 * MINUTE);
    // Asked for at 0, so renewed at 40 min; at 80 min that is longer ago than a session.
    expect(exchange.calls).toHaveLength(2);
    expect(vending.status()[0]).toMatchObject({ state: 'empty', secondsLeft: undefined, hadCredentials: true });
  });

  test('counts a prefetched workload as asked for at the start', async () => {
    const { vending, exchange, w, clock } = setUp();
    vending.reconcile([{ workload: w, prefetch: true }]);
    await clock.advance(45 * MINUTE);
    expect(exchange.calls).toHaveLength(2);
  });

  test('is due at once when the machine wakes up with little life left', async () => {
    const { vending, exchange, caller, clock } = setUp();
    await vending.vend(caller);
    clock.stepWall(45 * MINUTE);
    expect(await outcome(vending.vend(caller))).toMatch(/^cached ASIA1/);
    await clock.advance(30_000);
    expect(exchange.calls).toHaveLength(2);
  });
});

describe('rows 19 and 25: what failed, and for how long it is remembered', () => {
  test('a final refusal is remembered for 10 s, then 20, 40, and no longer than 60', async () => {
    const { vending, exchange, caller, clock } = setUp();
    exchange.answer = call => call.fail(new StsRefused('AccessDenied', 'no'));
    expect(await outcome(vending.vend(caller))).toBe('AccessDenied');
    await clock.advance(400_000);
    const times = exchange.calls.map(call => call.at);
    const gaps = times.slice(1).map((at, i) => Math.round((at - (times[i] ?? 0)) / 1000));
    expect(gaps.slice(0, 5)).toEqual([10, 20, 40, 60, 60]);
  });

  test('a transient failure is tried again after 1 s and a random part of 1, 2, 4 … 30 s', async () => {
    for (const random of [0, 0.999]) {
      const { vending, exchange, caller, clock } = setUp({ random: () => random });
      exchange.answer = call => call.fail(new StsUnavailable('no'));
      await outcome(vending.vend(caller));
      await clock.advance(200_000);
      const times = exchange.calls.map(call => call.at);
      const gaps = times.slice(1).map((at, i) => Math.round((at - (times[i] ?? 0)) / 1000));
      expect(gaps.slice(0, 7)).toEqual(random === 0 ? [1, 1, 1, 1, 1, 1, 1] : [2, 3, 5, 9, 17, 31, 31]);
    }
  });

  test.each([
    [new TagMismatch('sub', 'names another wallet'), 'TagMismatch'],
    [new BrokerRefused('no'), 'BrokerRefused'],
    [new CredentialsUninitialized('no file'), 'CredentialsUninitialized'],
  ])(
    'an identity token that can’t be had (%o) is answered with its code, 0 STS calls, and remembered',
    async (error, code) => {
      const { vending, exchange, tokens, auditLog, caller } = setUp();
      tokens.answer = () => Promise.reject(error);
      for (let i = 0; i < 5; i++) expect(await outcome(vending.vend(caller))).toBe(code);
      expect(exchange.calls).toHaveLength(0);
      expect(tokens.presented).toHaveLength(1);
      expect(auditLog.failures).toEqual([
        expect.objectContaining({ outcome: 'backend_error', outcome_detail: expect.stringContaining(code) }),
      ]);
    },
  );

  test('an expired JWT is replaced by a fresh one once, and then it is final', async () => {
    const { vending, exchange, caller } = setUp();
    const expired = new StsRefused('ExpiredTokenException', 'too old');
    exchange.answer = call => (exchange.calls.length === 1 ? call.fail(expired) : call.grant());
    expect(await outcome(vending.vend(caller))).toBe('fetched ASIA2');
    expect(exchange.calls.map(call => call.token.jwt)).toEqual(['jwt-1', 'jwt-2']);

    const other = setUp();
    other.exchange.answer = call => call.fail(expired);
    expect(await outcome(other.vending.vend(other.caller))).toBe('ExpiredTokenException');
    expect(other.exchange.calls).toHaveLength(2);
    expect(other.vending.status()[0]?.lastError?.message).toMatch(/^too old; .*set the clock of the machine/);
  });

  test('every attempt gets a JWT of its own', async () => {
    const { exchange, vending, caller, clock } = setUp();
    exchange.answer = call => call.fail(new StsUnavailable('no'));
    await outcome(vending.vend(caller));
    await clock.advance(60_000);
    const jwts = exchange.calls.map(call => call.token.jwt);
    expect(new Set(jwts).size).toBe(jwts.length);
  });

  test('a source of identity tokens that hangs is given up after 10 s', async () => {
    const { vending, tokens, caller, clock } = setUp();
    tokens.answer = () => new Promise(() => {});
    void outcome(vending.vend(caller));
    await clock.advance(10_000);
    expect(vending.status()[0]?.lastError?.message).toContain('10 s');
  });

  test('a fault of ours is a failure like others: its text, which may hold anything, is not told', async () => {
    const { vending, exchange, auditLog, caller } = setUp();
    exchange.answer = call => call.fail(new TypeError('canary'));
    expect(await outcome(vending.vend(caller))).toBe('StsUnavailable');
    expect(JSON.stringify([vending.status(), auditLog.failures])).not.toContain('canary');
  });
});

describe('row 22: prefetch', () => {
  test('fetches at the start, and hadCredentials says when it is done', async () => {
    const { vending, exchange, w, auditLog, clock } = setUp();
    exchange.answer = () => {};
    vending.reconcile([{ workload: w, prefetch: true }]);
    await clock.advance(0);
    expect(vending.status()[0]).toMatchObject({ prefetch: true, state: 'fetching', hadCredentials: false });
    exchange.calls[0]?.grant();
    await clock.advance(0);
    expect(vending.status()[0]).toMatchObject({ state: 'valid', hadCredentials: true });
    expect(auditLog.records).toEqual([
      expect.objectContaining({ caller_kind: 'local', requester_token_hash: '', source: 'fetched' }),
    ]);
  });

  test('is tried again automatically until it works, a day later too', async () => {
    const { vending, exchange, w, clock } = setUp();
    exchange.answer = call => call.fail(new StsRefused('AccessDenied', 'no'));
    vending.reconcile([{ workload: w, prefetch: true }]);
    await clock.advance(4 * 3_600_000);
    exchange.answer = call => call.grant();
    await clock.advance(60_000);
    expect(vending.status()[0]).toMatchObject({ state: 'valid' });
  });

  test('waits for no presentedToken that nobody has shown yet', async () => {
    const { vending, exchange, clock } = setUp();
    const w = workload({
      identityToken: {
        kind: 'broker',
        url: 'https://b',
        bearer: 'caller',
        allowInsecureHttp: false,
        audience: 'sts.amazonaws.com',
      },
    });
    vending.reconcile([{ workload: w, prefetch: true }]);
    await clock.advance(60_000);
    expect(exchange.calls).toHaveLength(0);
  });

  test('asks for at most 8 workloads at once, first come first served', async () => {
    const { vending, exchange, clock } = setUp();
    exchange.answer = () => {};
    const many = Array.from({ length: 30 }, (_, i) => named(`w${String(i).padStart(2, '0')}`));
    vending.reconcile(many.map(w => ({ workload: w, prefetch: true })));
    await clock.advance(0);
    expect(exchange.calls).toHaveLength(8);
    exchange.calls[3]?.fail(new StsUnavailable('slow'));
    await clock.advance(0);
    expect(exchange.calls).toHaveLength(9);
    for (let i = 0; i < 30; i++) {
      exchange.calls[i]?.grant();
      await clock.advance(0);
    }
    expect(exchange.calls.slice(0, 30).map(call => call.workload.name)).toEqual(many.map(w => w.name));
  });
});
