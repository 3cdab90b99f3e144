import { describe, expect, test } from 'vitest';
import { StsRefused } from '../../src/lib/errors.ts';
import { sessionNameOf } from '../../src/workload/workload.ts';
import { callerOf, minted, outcome, setUp } from './support.ts';

describe('a fresh exchange', () => {
  test('leaves only after its row is on disk, and the row says who got what', async () => {
    const { vending, auditLog, w, caller, clock } = setUp();
    auditLog.paused = true;
    let said = '';
    void outcome(vending.vend(caller)).then(text => {
      said = text;
    });
    await clock.advance(100);
    expect(said).toBe('');
    // Not even from memory: another caller has to wait as well.
    const second = outcome(vending.vend(callerOf(w, { tokenHash: 'another' })));
    auditLog.pending[0]?.durable();
    await clock.advance(0);
    expect(said).toBe('fetched ASIA1');
    expect(auditLog.records[0]).toEqual({
      minted_at: Math.floor(Date.UTC(2026, 0, 1) / 1000),
      requester_token_hash: caller.tokenHash,
      requester_wallet: w.wallet,
      requested_role: 'data-role-via-jwt',
      session_duration_seconds: 3600,
      sts_session_name: sessionNameOf(w),
      outcome: 'ok',
      outcome_detail: null,
      via: 'endpoint',
      source: 'fetched',
      role_arn: w.role.arn,
      workload: 'scraper-a',
      caller_kind: 'token',
      access_key_id: 'ASIA1',
      credentials_expiration: Date.UTC(2026, 0, 1, 1) / 1000,
      sts_request_id: 'request-1',
      count: 1,
    });
    auditLog.pending[1]?.durable();
    expect(await second).toBe('fetched ASIA1');
    expect(auditLog.records[1]).toMatchObject({ source: 'cached', requester_token_hash: 'another' });
  });

  test('that began in the background is in the name of the first caller that waits for it by then: one row, and nobody waits for a second', async () => {
    const { vending, auditLog, exchange, w, caller, clock } = setUp();
    exchange.answer = () => {};
    vending.reconcile([{ workload: w, prefetch: true }]);
    await clock.advance(0);
    const said = outcome(vending.vend(caller));
    exchange.calls[0]?.grant();
    expect(await said).toBe('fetched ASIA1');
    expect(auditLog.records).toMatchObject([{ source: 'fetched', count: 1, requester_token_hash: caller.tokenHash }]);
    // What it counted is counted once.
    await clock.advance(5_000);
    expect(auditLog.records).toHaveLength(1);
  });

  test('names nobody who came while its row was being written: he waits for a row of his own', async () => {
    const { vending, auditLog, exchange, w, caller, clock } = setUp();
    exchange.answer = call => call.grant();
    auditLog.paused = true;
    vending.reconcile([{ workload: w, prefetch: true }]);
    await clock.advance(0);
    let said = '';
    void outcome(vending.vend(caller)).then(text => {
      said = text;
    });
    auditLog.pending[0]?.durable();
    await clock.advance(100);
    expect(said).toBe('');
    auditLog.pending[1]?.durable();
    await clock.advance(0);
    expect(said).toBe('fetched ASIA1');
    expect(auditLog.records).toMatchObject([
      { source: 'fetched', caller_kind: 'local' },
      { source: 'cached', requester_token_hash: caller.tokenHash },
    ]);
  });

  test('that gave what no client could read is a refusal: no record says that it was vended', async () => {
    const { vending, exchange, auditLog, w, caller } = setUp();
    exchange.answer = call => call.grant({ sessionToken: 'x'.repeat(12_000) });
    expect(await outcome(vending.vend(caller))).toBe('ResponseTooLarge');
    expect(auditLog.records).toEqual([]);
    expect(auditLog.failures).toMatchObject([
      { outcome: 'backend_error', outcome_detail: expect.stringContaining('SDKs read 10000') },
    ]);
    expect(vending.status()).toMatchObject([{ hadCredentials: false, lastError: { code: 'ResponseTooLarge' } }]);
    // At the broker and for `credentials` there is no such limit.
    expect(await minted(vending.mint(callerOf(w), 'credentials'))).toBe('minted ASIA2');
  });

  test('a mint beside it names who asked for it, not who waits for the exchange', async () => {
    const { vending, auditLog, exchange, w, caller, clock } = setUp();
    exchange.answer = () => {};
    vending.reconcile([{ workload: w, prefetch: true }]);
    await clock.advance(0);
    const waits = outcome(vending.vend(caller));
    const mint = minted(vending.mint(callerOf(w, { tokenHash: 'minter', kind: 'bearer' }), 'mint-aws-creds'));
    await clock.advance(0);
    exchange.calls[1]?.grant();
    expect(await mint).toBe('minted ASIA2');
    expect(auditLog.records).toMatchObject([{ via: 'mint-aws-creds', requester_token_hash: 'minter' }]);
    exchange.calls[0]?.grant();
    expect(await waits).toBe('fetched ASIA1');
  });

  test('that is discarded once its row is on disk is taken back from whom the row names', async () => {
    const { vending, auditLog, exchange, w, caller, clock } = setUp();
    exchange.answer = () => {};
    vending.reconcile([{ workload: w, prefetch: true }]);
    await clock.advance(0);
    const said = outcome(vending.vend(caller));
    auditLog.paused = true;
    exchange.calls[0]?.grant();
    await clock.advance(0);
    vending.reconcile([]);
    auditLog.paused = false;
    auditLog.pending[0]?.durable();
    expect(await said).toBe('CredentialsUninitialized');
    await clock.advance(0);
    expect(auditLog.records).toMatchObject([
      { outcome: 'ok', requester_token_hash: caller.tokenHash },
      { outcome: 'discarded', requester_token_hash: caller.tokenHash },
    ]);
  });

  test('whose row can’t be written is withheld and forgotten', async () => {
    const { vending, auditLog, exchange, caller, clock } = setUp();
    auditLog.paused = true;
    const said = outcome(vending.vend(caller));
    await clock.advance(0);
    auditLog.pending[0]?.lost();
    expect(await said).toBe('AuditUnavailable');
    expect(vending.status()[0]).toMatchObject({ state: 'failing', secondsLeft: undefined });
    auditLog.paused = false;
    await clock.advance(3_000);
    expect(await outcome(vending.vend(caller))).toMatch(/ASIA2/);
    expect(exchange.calls).toHaveLength(2);
  });

  test('that fails is noted with STS’s code, by whom and for whom', async () => {
    const { vending, auditLog, exchange, caller } = setUp();
    exchange.answer = call => call.fail(new StsRefused('AccessDenied', 'no', { requestId: 'r-1' }));
    await outcome(vending.vend(caller));
    expect(auditLog.failures).toEqual([
      expect.objectContaining({
        outcome: 'sts_error',
        outcome_detail: 'AccessDenied: no',
        sts_request_id: 'r-1',
        requester_token_hash: caller.tokenHash,
        access_key_id: null,
      }),
    ]);
  });
});

describe('from memory', () => {
  test('a caller that asks while the record that covers it is being written waits for it as well', async () => {
    const { vending, auditLog, w, caller, clock } = setUp();
    await vending.vend(caller);
    auditLog.paused = true;
    const other = callerOf(w, { tokenHash: 'other' });
    const said: string[] = [];
    for (let i = 0; i < 2; i++) void outcome(vending.vend(other)).then(text => said.push(text));
    await clock.advance(50);
    expect(said).toEqual([]);
    auditLog.pending[0]?.durable();
    await clock.advance(0);
    expect(said).toHaveLength(2);
  });

  test('a row that takes its time is the audit log’s fault in the answer, too', async () => {
    const { vending, auditLog, w, caller, clock } = setUp();
    await vending.vend(caller);
    auditLog.paused = true;
    const said = outcome(vending.vend(callerOf(w, { tokenHash: 'other' })));
    await clock.advance(900);
    expect(await said).toBe('AuditUnavailable');
  });

  test('the first vend to a caller waits for a row; those within the next second are counted and don’t', async () => {
    const { vending, auditLog, w, caller, clock } = setUp();
    await vending.vend(caller);
    const other = callerOf(w, { kind: 'jwt', tokenHash: 'other' });
    auditLog.paused = true;
    const first = vending.vend(other);
    const joined = vending.vend(other);
    expect(first).toBeInstanceOf(Promise);
    expect(auditLog.pending).toHaveLength(1);
    auditLog.pending[0]?.durable();
    expect(await outcome(first)).toBe('cached ASIA1');
    expect(await outcome(joined)).toBe('cached ASIA1');
    await clock.advance(700);
    expect(await outcome(vending.vend(other))).toBe('cached ASIA1 at once');
    expect(auditLog.pending).toHaveLength(1);
    await clock.advance(299);
    expect(await outcome(vending.vend(other))).toBe('cached ASIA1 at once');
  });

  test('one caller’s row doesn’t cover another, nor the same token of another kind, nor other credentials', async () => {
    const { vending, w, caller, clock } = setUp();
    await vending.vend(caller);
    expect(vending.vend(caller)).not.toBeInstanceOf(Promise);
    expect(vending.vend(callerOf(w, { tokenHash: 'other' }))).toBeInstanceOf(Promise);
    expect(vending.vend({ ...caller, kind: 'relative' })).toBeInstanceOf(Promise);
    await clock.advance(43 * 60_000);
    expect(await outcome(vending.vend(caller))).toBe('cached ASIA2');
  });

  test('what leaves the configuration while its row is written stays here, and a second row says so', async () => {
    const { vending, auditLog, w, caller, clock } = setUp();
    await vending.vend(caller);
    auditLog.paused = true;
    const said = outcome(vending.vend(callerOf(w, { tokenHash: 'other' })));
    vending.reconcile([]);
    auditLog.paused = false;
    auditLog.pending[0]?.durable();
    expect(await said).toBe('CredentialsUninitialized');
    await clock.advance(0);
    expect(auditLog.records.at(-1)).toMatchObject({
      outcome: 'discarded',
      access_key_id: 'ASIA1',
      requester_token_hash: 'other',
    });
  });

  test('what expires while its row is written stays here', async () => {
    const { vending, auditLog, w, caller, clock } = setUp();
    await vending.vend(caller);
    auditLog.paused = true;
    const said = outcome(vending.vend(callerOf(w, { tokenHash: 'other' })));
    clock.stepWall(3_600_000);
    auditLog.pending[0]?.durable();
    expect(await said).toBe('CredentialsUninitialized');
  });

  test('the counts of all rows sum up to the vends, with rows in the order of one a second and not one a vend', async () => {
    const { vending, auditLog, caller, clock } = setUp();
    let vends = 0;
    for (let tick = 0; tick < 200; tick++) {
      for (let i = 0; i < 10; i++, vends++) await vending.vend(caller);
      await clock.advance(100);
    }
    await clock.advance(5_000);
    expect(auditLog.vends()).toBe(vends);
    expect(auditLog.records.length).toBeLessThan(30);
    expect(auditLog.records.slice(1).every(row => row.source === 'cached' && row.access_key_id === 'ASIA1')).toBe(true);
  });

  test('a busy caller never waits for the disk: the next row is written ahead', async () => {
    const { vending, caller, clock } = setUp();
    await vending.vend(caller);
    for (let tick = 0; tick < 100; tick++) {
      await clock.advance(50);
      expect(vending.vend(caller)).not.toBeInstanceOf(Promise);
    }
  });

  test('a process that is killed loses at most the count of one second, never the fact', async () => {
    const { vending, auditLog, caller, clock } = setUp();
    await vending.vend(caller);
    let unwritten = 0;
    for (let tick = 0; tick < 100; tick++) {
      for (let i = 0; i < 7; i++) await vending.vend(caller);
      unwritten = Math.max(unwritten, 1 + (tick + 1) * 7 - auditLog.vends());
      await clock.advance(100);
      // What a kill would leave: this caller and these credentials are on disk.
      expect(
        auditLog.records.some(row => row.requester_token_hash === caller.tokenHash && row.access_key_id === 'ASIA1'),
      ).toBe(true);
    }
    expect(unwritten).toBeLessThanOrEqual(70);
  });

  test('a count that nobody’s next request writes is written automatically, a second after its window at the latest', async () => {
    const { vending, auditLog, caller, clock } = setUp();
    for (let i = 0; i < 5; i++) await vending.vend(caller);
    expect(auditLog.vends()).toBe(1);
    await clock.advance(2_000);
    expect(auditLog.vends()).toBe(5);
    await clock.advance(10_000);
    expect(auditLog.records).toHaveLength(2);
  });

  test('close writes the counts that are left', async () => {
    const { vending, auditLog, caller } = setUp();
    for (let i = 0; i < 5; i++) await vending.vend(caller);
    await vending.close();
    expect(auditLog.vends()).toBe(5);
  });
});

describe('while the audit log is down', () => {
  test('nothing is signed and STS is not called: AuditUnavailable', async () => {
    const { vending, exchange, tokens, auditLog, w, caller, clock } = setUp();
    auditLog.available = false;
    auditLog.reason = 'disk full';
    vending.reconcile([{ workload: w, prefetch: true }]);
    expect(await outcome(vending.vend(caller))).toBe('AuditUnavailable');
    expect(await minted(vending.mint(caller, 'exec'))).toBe('AuditUnavailable');
    await clock.advance(3_600_000);
    expect(tokens.presented).toHaveLength(0);
    expect(exchange.calls).toHaveLength(0);
    expect(vending.status()[0]?.lastError).toMatchObject({
      code: 'AuditUnavailable',
      message: expect.stringContaining('disk full'),
    });
  });

  test('nothing is handed out from memory beyond the running second, and it recovers automatically, with no count lost', async () => {
    const { vending, auditLog, caller, clock } = setUp();
    let vends = 0;
    const ask = async () => {
      const said = await outcome(vending.vend(caller));
      if (said.startsWith('cached') || said.startsWith('fetched')) vends++;
      return said;
    };
    for (let i = 0; i < 5; i++) await ask();
    auditLog.available = false;
    expect(await ask()).toBe('cached ASIA1 at once');
    await clock.advance(1_000);
    for (let i = 0; i < 50; i++) {
      expect(await ask()).toBe('AuditUnavailable');
      await clock.advance(100);
    }
    auditLog.available = true;
    await clock.advance(1_000);
    expect(await ask()).toMatch(/^cached ASIA1/);
    await clock.advance(5_000);
    expect(auditLog.vends()).toBe(vends);
  });

  test('renewal goes on when it is back', async () => {
    const { vending, exchange, auditLog, caller, clock } = setUp();
    await vending.vend(caller);
    auditLog.available = false;
    await clock.advance(45 * 60_000);
    expect(exchange.calls).toHaveLength(1);
    auditLog.available = true;
    await clock.advance(31_000);
    expect(exchange.calls).toHaveLength(2);
  });
});
