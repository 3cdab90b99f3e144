import { describe, expect, test } from 'vitest';
import {
  BrokerRefused,
  CredentialsUninitialized,
  StsRefused,
  StsUnavailable,
  TagMismatch,
} from '../../src/lib/errors.ts';
import { parseWallet } from '../../src/workload/wallet.ts';
import { workload } from '../support/workload.ts';
import { bodyOf, callerOf, minted, outcome, setUp } from './support.ts';

const MINUTE = 60_000;
const named = (name: string) => workload({ name });

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
      expect.objectContaining({ caller_kind: 'local', requester_token_hash: '', source: 'fresh' }),
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

describe('mint', () => {
  test('is always a fresh exchange, with a row of its own before it is released, and leaves the memory alone', async () => {
    const { vending, exchange, auditLog, caller, clock } = setUp();
    await vending.vend(caller);
    auditLog.paused = true;
    let said = '';
    void minted(vending.mint({ ...caller, kind: 'bearer' }, 'mint-aws-creds')).then(text => {
      said = text;
    });
    await clock.advance(10);
    expect(said).toBe('');
    expect(auditLog.pending[0]?.record).toMatchObject({
      via: 'mint-aws-creds',
      source: 'fresh',
      caller_kind: 'bearer',
      requester_token_hash: caller.tokenHash,
      access_key_id: 'ASIA2',
      count: 1,
    });
    auditLog.pending[0]?.durable();
    await clock.advance(0);
    expect(said).toBe('minted ASIA2');
    expect(await outcome(vending.vend(caller))).toBe('cached ASIA1 at once');
    expect(exchange.calls).toHaveLength(2);
  });

  test('shares the back-off: a refusal that is remembered is answered', async () => {
    const { vending, exchange, caller } = setUp();
    exchange.answer = call => call.fail(new StsRefused('AccessDenied', 'no'));
    expect(await minted(vending.mint(caller, 'exec'))).toBe('AccessDenied');
    expect(await minted(vending.mint(caller, 'exec'))).toBe('AccessDenied');
    expect(await outcome(vending.vend(caller))).toBe('AccessDenied');
    expect(exchange.calls).toHaveLength(1);
  });

  test('shares the limit', async () => {
    const { vending, exchange, caller, clock } = setUp();
    exchange.answer = () => {};
    for (let i = 0; i < 20; i++) void minted(vending.mint(caller, 'credentials'));
    await clock.advance(0);
    expect(exchange.calls).toHaveLength(8);
  });

  test('of an identity that is no longer configured is discarded and audited, not released', async () => {
    const { vending, exchange, auditLog, caller, clock } = setUp();
    exchange.answer = () => {};
    const said = minted(vending.mint(caller, 'credentials'));
    await clock.advance(0);
    vending.reconcile([]);
    exchange.calls[0]?.grant();
    expect(await said).toBe('CredentialsUninitialized');
    expect(auditLog.records).toEqual([
      expect.objectContaining({ outcome: 'discarded', access_key_id: 'ASIA1', via: 'credentials' }),
    ]);
  });
});

describe('a presentedToken is not forever', () => {
  const forwarding = {
    kind: 'broker',
    url: 'https://b',
    bearer: 'caller',
    allowInsecureHttp: false,
    audience: 'sts.amazonaws.com',
  } as const;

  test('an identity that rests on the caller’s presentedToken is renewed with it while it is valid, and not after', async () => {
    const { vending, exchange, tokens, clock } = setUp();
    const w = workload({ identityToken: forwarding });
    vending.reconcile([{ workload: w, prefetch: false }]);
    await vending.vend(
      callerOf(w, { kind: 'jwt', presentedToken: 'presentedToken-1', presentedUntil: clock.wall() + 60 * MINUTE }),
    );
    await clock.advance(45 * MINUTE);
    expect(tokens.presented).toEqual(['presentedToken-1', 'presentedToken-1']);
    await clock.advance(55 * MINUTE);
    expect(exchange.calls).toHaveLength(2);
  });

  test('a refused presentedToken counts against the caller that presented it, not against the workload’s other callers', async () => {
    const { vending, tokens } = setUp();
    const w = workload({ identityToken: forwarding });
    vending.reconcile([{ workload: w, prefetch: false }]);
    const good = tokens.answer;
    tokens.answer = () => Promise.reject(new BrokerRefused('revoked'));
    const bad = callerOf(w, { kind: 'jwt', tokenHash: 'bad', presentedToken: 'bad' });
    expect(await outcome(vending.vend(bad))).toBe('BrokerRefused');
    tokens.answer = good;
    expect(await outcome(vending.vend(bad))).toBe('BrokerRefused');
    expect(await outcome(vending.vend(callerOf(w, { kind: 'jwt', tokenHash: 'good', presentedToken: 'good' })))).toBe(
      'fetched ASIA1',
    );
  });

  test('a workload made on the fly is served without being configured, renewed while its presentedToken is valid, then let go', async () => {
    const { vending, exchange, clock } = setUp();
    const w = workload({ name: 'jwt:abc', origin: 'dynamic' });
    const caller = callerOf(w, { kind: 'jwt', presentedUntil: clock.wall() + 50 * MINUTE });
    expect(await outcome(vending.vend(caller))).toBe('fetched ASIA1');
    await clock.advance(42 * MINUTE);
    expect(exchange.calls).toHaveLength(2);
    await clock.advance(10 * 60 * MINUTE);
    expect(exchange.calls).toHaveLength(2);
    expect(clock.pending).toBe(0);
  });

  test('of those, the ones that nobody asks for go first when there are too many', async () => {
    const { vending, exchange } = setUp({ limits: { dynamicWorkloads: 3 } });
    const callers = ['a', 'b', 'c', 'd'].map(name =>
      callerOf(workload({ name: `jwt:${name}`, origin: 'dynamic' }), { kind: 'jwt' }),
    );
    const [a, b, c, d] = callers;
    if (!a || !b || !c || !d) throw new Error('four callers');
    await vending.vend(a);
    await vending.vend(b);
    await vending.vend(c);
    await vending.vend(a);
    await vending.vend(d);
    expect(await outcome(vending.vend(a))).toMatch(/^cached/);
    expect(await outcome(vending.vend(b))).toMatch(/^fetched/);
    expect(exchange.calls).toHaveLength(5);
  });

  test('a reload drops them; they come back with their callers', async () => {
    const { vending, w } = setUp();
    const dynamic = callerOf(workload({ name: 'jwt:abc', origin: 'dynamic' }), { kind: 'jwt' });
    await vending.vend(dynamic);
    vending.reconcile([{ workload: w, prefetch: false }]);
    expect(await outcome(vending.vend(dynamic))).toBe('fetched ASIA2');
  });
});

describe('a reload', () => {
  test('keeps what is equal, in memory and in flight', async () => {
    const { vending, exchange, w, caller, clock } = setUp();
    await vending.vend(caller);
    const other = named('other');
    exchange.answer = () => {};
    vending.reconcile([w, other].map(of => ({ workload: of, prefetch: false })));
    const said = outcome(vending.vend(callerOf(other)));
    await clock.advance(0);
    vending.reconcile([workload(), named('other')].map(of => ({ workload: of, prefetch: true })));
    exchange.calls[1]?.grant();
    expect(await said).toBe('fetched ASIA2');
    expect(await outcome(vending.vend(caller))).toBe('cached ASIA1 at once');
    expect(exchange.calls).toHaveLength(2);
  });

  test('drops what is gone: a caller that was recognised before is told so, and its credentials are out of memory', async () => {
    const { vending, caller, w } = setUp();
    await vending.vend(caller);
    vending.reconcile([{ workload: workload({ sessionDuration: 900 }), prefetch: false }]);
    expect(await outcome(vending.vend(caller))).toBe('CredentialsUninitialized');
    vending.reconcile([{ workload: w, prefetch: false }]);
    expect(await outcome(vending.vend(caller))).toBe('fetched ASIA2');
  });

  test('aborts the exchange of what is gone; one that ends all the same is discarded and audited', async () => {
    const { vending, exchange, auditLog, caller, clock } = setUp();
    exchange.answer = () => {};
    const said = outcome(vending.vend(caller));
    await clock.advance(0);
    vending.reconcile([]);
    expect(exchange.calls[0]?.signal?.aborted).toBe(true);
    expect(await said).toBe('CredentialsUninitialized');
    exchange.calls[0]?.grant();
    await clock.advance(0);
    expect(auditLog.records).toEqual([
      expect.objectContaining({ outcome: 'discarded', access_key_id: 'ASIA1', requester_token_hash: caller.tokenHash }),
    ]);
  });

  test('an exchange that was called off before it ended is a row too: what STS did is not known', async () => {
    const { vending, exchange, auditLog, caller, clock } = setUp();
    exchange.answer = call => call.signal?.addEventListener('abort', () => call.fail(new StsUnavailable('called off')));
    void outcome(vending.vend(caller));
    await clock.advance(0);
    vending.reconcile([]);
    await clock.advance(0);
    expect(auditLog.records).toEqual([expect.objectContaining({ outcome: 'discarded', access_key_id: null })]);
    expect(auditLog.failures).toEqual([]);
  });

  test('the exchange of an identity that went and came back is discarded as well', async () => {
    const { vending, exchange, auditLog, w, caller, clock } = setUp();
    exchange.answer = () => {};
    const before = outcome(vending.vend(caller));
    await clock.advance(0);
    vending.reconcile([]);
    vending.reconcile([{ workload: w, prefetch: false }]);
    const after = outcome(vending.vend(caller));
    await clock.advance(0);
    exchange.calls[0]?.grant();
    await clock.advance(0);
    exchange.calls[1]?.grant();
    expect([await before, await after]).toEqual(['CredentialsUninitialized', 'fetched ASIA2']);
    expect(auditLog.records.map(row => [row.outcome, row.access_key_id])).toEqual([
      ['discarded', 'ASIA1'],
      ['ok', 'ASIA2'],
    ]);
  });

  test('between the row and the answer: nothing leaves, and a second row says so', async () => {
    const { vending, auditLog, caller, clock } = setUp();
    auditLog.paused = true;
    const said = outcome(vending.vend(caller));
    await clock.advance(0);
    vending.reconcile([]);
    auditLog.paused = false;
    auditLog.pending[0]?.durable();
    await clock.advance(0);
    expect(await said).toBe('CredentialsUninitialized');
    expect(auditLog.records.map(row => row.outcome)).toEqual(['ok', 'discarded']);
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

test('after close nothing is vended, what was in flight is aborted, and no timer is left', async () => {
  const { vending, exchange, caller, clock } = setUp();
  await vending.vend(caller);
  exchange.answer = () => {};
  const minting = minted(vending.mint(caller, 'exec'));
  await clock.advance(0);
  await vending.close();
  expect(exchange.calls[1]?.signal?.aborted).toBe(true);
  exchange.calls[1]?.grant();
  expect(await minting).toBe('CredentialsUninitialized');
  expect(await outcome(vending.vend(caller))).toBe('CredentialsUninitialized');
  expect(clock.pending).toBe(0);
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
