/**
 * Fresh credentials for the broker, and presented tokens that expire.
 *
 * @module
 */
import { describe, expect, test } from 'vitest';
import { BrokerRefused, StsRefused } from '../../src/lib/errors.ts';
import { workload } from '../support/workload.ts';
import { callerOf, minted, outcome, setUp } from './support.ts';

const MINUTE = 60_000;

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
      source: 'fetched',
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
