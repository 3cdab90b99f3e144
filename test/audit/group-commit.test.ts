import { expect, test } from 'vitest';
import { AuditUnavailable } from '../../src/lib/errors.ts';
import { fakeStore } from './fake-store.ts';
import { anAuditLog, aRejection, aVend } from './support.ts';

const settle = () => new Promise<void>(resolve => setImmediate(resolve));

/** Watches a promise without waiting for it. */
function watched(promise: Promise<void>) {
  const state = { value: 'pending' as string };
  promise.then(
    () => (state.value = 'written'),
    error => (state.value = error instanceof AuditUnavailable ? error.message : `not ours: ${error}`),
  );
  return state;
}

async function anAuditLogOnFake() {
  const store = fakeStore();
  const made = await anAuditLog(undefined, { store });
  return { ...made, store };
}

test('append resolves when the write has ended, and not before', async () => {
  const { auditLog, store } = await anAuditLogOnFake();
  const record = watched(auditLog.append(aVend()));
  await settle();
  expect(record.value).toBe('pending');
  await store.done();
  expect(record.value).toBe('written');
});

test('records that come while a batch is written share the next one', async () => {
  const { auditLog, store } = await anAuditLogOnFake();
  const first = [auditLog.append(aVend()), auditLog.append(aVend())];
  await settle();
  const second = Array.from({ length: 50 }, () => auditLog.append(aVend()));
  await store.done();
  await store.done();
  await Promise.all([...first, ...second]);
  expect(store.batches.map(batch => batch.length)).toEqual([2, 50]);
});

test('a waiter learns after 0.5 s that its record is not durable, and the audit log says it hangs', async () => {
  const { auditLog, store, clock, lines } = await anAuditLogOnFake();
  const flying = watched(auditLog.append(aVend()));
  await clock.advance(300);
  const queued = watched(auditLog.append(aVend()));
  await clock.advance(199);
  expect(flying.value).toBe('pending');
  await clock.advance(1);
  expect(flying.value).toMatch(/did not finish within 500 ms/);
  expect(queued.value).toBe('pending');
  expect(auditLog.available).toBe(false);
  expect(auditLog.reason).toMatch(/did not finish within 500 ms/);
  await clock.advance(300);
  expect(queued.value).toMatch(/did not finish within 500 ms/);
  expect(lines.filter(line => line['level'] === 'error')).toHaveLength(1);
  await store.done();
});

test('while the audit log hangs, further records are refused at once and not queued', async () => {
  const { auditLog, store, clock } = await anAuditLogOnFake();
  watched(auditLog.append(aVend()));
  await clock.advance(500);
  await expect(auditLog.append(aVend())).rejects.toThrow(AuditUnavailable);
  await store.done();
});

test('a record that was written after its waiter had given up is followed by one that says its credentials were withheld', async () => {
  const { auditLog, store, clock } = await anAuditLogOnFake();
  const late = watched(auditLog.append(aVend()));
  await clock.advance(300);
  const queued = watched(auditLog.append(aVend({ accessKeyId: 'QUEUED' })));
  await clock.advance(600);
  store.flow();
  await store.done();
  expect([late.value, queued.value]).toEqual([expect.any(String), expect.stringMatching(/did not finish/)]);
  expect(auditLog.available).toBe(true);
  const later = store.batches.slice(1).flat();
  expect(later).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ outcome: 'discarded', outcome_detail: 'withheld', access_key_id: 'ASIAEXAMPLE' }),
      expect.objectContaining({ via: 'audit', outcome: 'recovered' }),
    ]),
  );
  // What was still in the queue was never handed over.
  expect(later.map(record => record.access_key_id)).not.toContain('QUEUED');
});

test('a failed write refuses all of its records and those behind it, and says why', async () => {
  const { auditLog, store } = await anAuditLogOnFake();
  const first = watched(auditLog.append(aVend()));
  await settle();
  const second = watched(auditLog.append(aVend()));
  await store.fail('disk is full');
  expect([first.value, second.value]).toEqual(Array(2).fill("the audit log can't be written: disk is full"));
  expect([auditLog.available, auditLog.reason]).toEqual([false, 'disk is full']);
});

test('after a failure the audit log is tried again, at longer intervals, and is back with a record about the outage', async () => {
  const { auditLog, store, clock, lines } = await anAuditLogOnFake();
  watched(auditLog.append(aVend()));
  await store.fail('disk is full');
  watched(auditLog.append(aVend()));
  const tries = () => store.batches.length - 1;
  await clock.advance(249);
  expect(tries()).toBe(0);
  for (const delay of [1, 500, 1000, 2000, 2000]) {
    await clock.advance(delay);
    await store.fail('disk is full');
  }
  expect(tries()).toBe(5);
  await clock.advance(2000);
  await store.done();
  expect([auditLog.available, auditLog.reason]).toEqual([true, undefined]);
  expect(store.batches.at(-1)).toMatchObject([
    { via: 'audit', outcome: 'recovered', outcome_detail: 'unavailable for 8 s, 2 refused: disk is full' },
  ]);
  expect(lines.map(line => line['level'])).toEqual(['error', 'info']);
});

test('10,000 records may wait; more are refused at once', async () => {
  const { auditLog, store } = await anAuditLogOnFake();
  watched(auditLog.append(aVend()));
  await settle();
  const records = Array.from({ length: 10_000 }, () => watched(auditLog.append(aVend())));
  await expect(auditLog.append(aVend())).rejects.toThrow(/10000 records behind/);
  store.flow();
  await store.done();
  expect(records.filter(record => record.value === 'written')).toHaveLength(10_000);
  expect(Math.max(...store.batches.map(batch => batch.length))).toBe(1000);
});

test('failures are written behind records that somebody waits for, and never make them fail', async () => {
  const { auditLog, store } = await anAuditLogOnFake();
  auditLog.recordFailure(aRejection());
  await settle();
  auditLog.recordFailure(aRejection({ detail: 'WorkloadUnknown' }));
  const ok = watched(auditLog.append(aVend()));
  await store.done();
  await store.done();
  expect(ok.value).toBe('written');
  expect(store.batches.map(batch => batch.map(record => record.outcome))).toEqual([
    ['auth_failed'],
    ['ok', 'auth_failed'],
  ]);
});

test('records of failures survive an outage in a bounded queue; what is lost beyond it is logged as an error', async () => {
  const { auditLog, store, clock, lines } = await anAuditLogOnFake();
  watched(auditLog.append(aVend()));
  await store.fail('down');
  for (let minute = 0; minute < 20; minute++) {
    for (let n = 0; n < 30; n++) auditLog.recordFailure(aRejection({ detail: `kind ${minute} ${n}` }));
    await clock.advance(60_000);
    await store.fail('down');
  }
  const losses = lines.filter(line => line['level'] === 'error' && /were lost/.test(String(line['msg'])));
  expect(losses.length).toBeGreaterThan(0);
  store.flow();
  await clock.advance(2_000);
  const kept = store.batches.at(-1)?.length ?? 0;
  expect(auditLog.available).toBe(true);
  expect(kept).toBeLessThanOrEqual(240);
  expect(kept).toBeGreaterThan(200);
});

test('when space gets scarce failures are no longer recorded, which is logged; records of vends go on, and so do failures once there is space', async () => {
  const { auditLog, store, clock, lines } = await anAuditLogOnFake();
  store.flow({ freeBytes: 1024 });
  await auditLog.append(aVend());
  auditLog.recordFailure(aRejection());
  await auditLog.append(aVend());
  expect(store.batches.flat().map(record => record.outcome)).toEqual(['ok', 'ok']);
  expect(lines.map(line => line['msg'])).toEqual(
    expect.arrayContaining([expect.stringMatching(/little space/), expect.stringMatching(/were lost/)]),
  );
  store.flow({ freeBytes: 1e12 });
  await clock.advance(60_000);
  auditLog.recordFailure(aRejection({ detail: 'other' }));
  await settle();
  expect(store.batches.at(-1)).toMatchObject([{ outcome_detail: 'other' }]);
});

test('close writes queued records and the sums of the minute', async () => {
  const { auditLog, store } = await anAuditLogOnFake();
  store.flow();
  const record = watched(auditLog.append(aVend()));
  auditLog.recordFailure(aRejection());
  auditLog.recordFailure(aRejection());
  auditLog.recordFailure(aRejection());
  await auditLog.close();
  await settle();
  expect(record.value).toBe('written');
  expect(store.batches.flat().map(r => [r.outcome, r.count])).toEqual([
    ['ok', 1],
    ['auth_failed', 1],
    ['auth_failed', 2],
  ]);
  await expect(auditLog.append(aVend())).rejects.toThrow(/closed/);
});

test('close gives a write that hangs two seconds, not for ever', async () => {
  const { auditLog, clock } = await anAuditLogOnFake();
  watched(auditLog.append(aVend()));
  await settle();
  const closing = watched(auditLog.close());
  await clock.advance(1_999);
  expect(closing.value).toBe('pending');
  await clock.advance(1);
  expect(closing.value).toBe('written');
});
