import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AuditRecord } from '../../src/audit/columns.ts';
import { FailureRecords } from '../../src/audit/failures.ts';
import { fakeClock } from '../support/fake-clock.ts';
import { aFailureRecord } from './support.ts';

function aFailureLog() {
  const clock = fakeClock();
  const records: (AuditRecord & { at: number })[] = [];
  const failures = new FailureRecords(clock, due =>
    records.push(...due.map(record => ({ ...record, at: clock.wall() }))),
  );
  return { clock, records, failures };
}

test('the first failure of a kind is a record at once, the rest of its minute is one record with their count', async () => {
  const { clock, records, failures } = aFailureLog();
  for (let n = 0; n < 50_000; n++) failures.add(aFailureRecord());
  expect(records.map(record => record.count)).toEqual([1]);
  await clock.advance(60_000);
  expect(records.map(record => record.count)).toEqual([1, 49_999]);
});

test('a kind that goes on has one record a minute; one that was quiet for a minute is new again', async () => {
  const { clock, records, failures } = aFailureLog();
  for (let minute = 0; minute < 3; minute++) {
    for (let n = 0; n < 10; n++) failures.add(aFailureRecord());
    await clock.advance(60_000);
  }
  expect(records.map(record => record.count)).toEqual([1, 9, 10, 10]);
  const minutes = records.map(record => Math.floor(record.minted_at / 60));
  expect(new Set(minutes).size).toBe(4);
  await clock.advance(60_000);
  failures.add(aFailureRecord());
  expect(records.at(-1)?.count).toBe(1);
});

test('listener, outcome, detail and wallet make a kind', async () => {
  const { records, failures } = aFailureLog();
  failures.add(aFailureRecord());
  failures.add(aFailureRecord({ via: 'mint-oidc-jwt' }));
  failures.add(aFailureRecord({ outcome: 'sts_error' }));
  failures.add(aFailureRecord({ outcome_detail: 'other' }));
  failures.add(aFailureRecord({ requester_wallet: `0x${'1'.repeat(40)}` }));
  expect(records).toHaveLength(5);
});

test('a sum keeps what all of its failures have in common and nothing else', async () => {
  const { clock, records, failures } = aFailureLog();
  failures.add(aFailureRecord());
  failures.add(aFailureRecord({ requester_token_hash: 'aa', workload: 'x' }));
  failures.add(aFailureRecord({ requester_token_hash: 'bb', workload: 'x' }));
  await clock.advance(60_000);
  expect(records[1]).toMatchObject({ count: 2, requester_token_hash: '', workload: 'x' });
});

test('whatever comes, at most 60 records a minute, and no failure goes uncounted', async () => {
  const failure = fc.record({
    kind: fc.integer({ min: 0, max: 400 }),
    via: fc.constantFrom('endpoint' as const, 'mint-aws-creds' as const, 'mint-oidc-jwt' as const),
    outcome: fc.constantFrom('auth_failed' as const, 'backend_error' as const, 'sts_error' as const),
    pause: fc.constantFrom(0, 0, 0, 0, 700, 20_000),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(failure, { maxLength: 800, size: 'max' }), async list => {
      const { clock, records, failures } = aFailureLog();
      for (const { kind, via, outcome, pause } of list) {
        failures.add(aFailureRecord({ via, outcome, outcome_detail: `kind ${kind}` }));
        if (pause > 0) await clock.advance(pause);
      }
      await clock.advance(120_000);
      const perMinute = new Map<number, number>();
      for (const record of records) {
        const minute = Math.floor(record.at / 60_000);
        perMinute.set(minute, (perMinute.get(minute) ?? 0) + 1);
      }
      expect(Math.max(0, ...perMinute.values())).toBeLessThanOrEqual(60);
      expect(records.reduce((sum, record) => sum + record.count, 0)).toBe(list.length);
    }),
    { numRuns: 40 },
  );
});

test('100,000 made-up kinds take bounded memory, and are all counted', async () => {
  const { clock, records, failures } = aFailureLog();
  for (let n = 0; n < 100_000; n++) failures.add(aFailureRecord({ outcome_detail: `kind ${n}` }));
  expect(records).toHaveLength(20);
  await clock.advance(60_000);
  expect(records).toHaveLength(60);
  expect(records.reduce((sum, record) => sum + record.count, 0)).toBe(100_000);
  expect(records.find(record => record.outcome_detail === 'various')?.count).toBeGreaterThan(90_000);
});
