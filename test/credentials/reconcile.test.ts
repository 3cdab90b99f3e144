/**
 * What a reload and a stop do to cached credentials and to exchanges in flight.
 *
 * @module
 */
import { describe, expect, test } from 'vitest';
import { StsUnavailable } from '../../src/lib/errors.ts';
import { workload } from '../support/workload.ts';
import { callerOf, minted, outcome, setUp } from './support.ts';

const named = (name: string) => workload({ name });

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
