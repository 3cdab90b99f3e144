import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { WorkloadStatus } from '../../../src/credentials/vending.ts';
import { readiness } from '../../../src/http/admin/readiness.ts';
import { workload } from '../../support/workload.ts';

const base: WorkloadStatus = {
  name: 'alpha',
  workload: workload({ name: 'alpha' }),
  prefetch: true,
  state: 'valid',
  fetchedAt: 1_000,
  expiresAt: 3_601_000,
  secondsLeft: 3_600,
  lastError: undefined,
  hadCredentials: true,
};
const failedAt = (at: number) => ({ code: 'StsUnavailable', message: 'down', at, transient: true });

describe('ready', () => {
  it.each<[string, Partial<WorkloadStatus>, boolean]>([
    ['with credentials', {}, true],
    [
      'before the first ones',
      { hadCredentials: false, state: 'fetching', fetchedAt: undefined, secondsLeft: undefined },
      false,
    ],
    [
      'through a failing renewal, while anything valid is held',
      { state: 'failing', lastError: failedAt(2_000), secondsLeft: 61 },
      true,
    ],
    ['no more when that has run out', { state: 'failing', lastError: failedAt(2_000), secondsLeft: undefined }, false],
    ['nor while it is tried again', { state: 'fetching', lastError: failedAt(2_000), secondsLeft: undefined }, false],
    ['when idle, with nothing left because nobody asked', { state: 'empty', secondsLeft: undefined }, true],
    [
      'when idle, with an old failure that a later fetch made good',
      { lastError: failedAt(500), secondsLeft: undefined },
      true,
    ],
  ])('%s', (_, more, ready) => {
    expect(readiness([{ ...base, ...more }], []).ready).toBe(ready);
  });

  it('waits for every workload with prefetch and for no other', () => {
    const never = { ...base, name: 'beta', hadCredentials: false };
    expect(readiness([base, never], []).ready).toBe(false);
    expect(readiness([base, { ...never, prefetch: false }], []).ready).toBe(true);
    expect(readiness([], []).ready).toBe(true);
  });

  it('for one workload is about that one alone, prefetched or not', () => {
    const never = { ...base, name: 'beta', prefetch: false, hadCredentials: false };
    expect(readiness([base, never], [], 'alpha').ready).toBe(true);
    expect(readiness([base, never], [], 'beta')).toMatchObject({ ready: false, known: true });
    expect(readiness([base], [], 'nobody')).toMatchObject({ ready: false, known: false, workloads: [] });
  });

  it('needs every check that decides', () => {
    const ok = { name: 'keys', status: 'ok' } as const;
    const failed = { name: 'audit log', status: 'failed', reason: 'disk full' } as const;
    expect(readiness([base], [ok]).ready).toBe(true);
    expect(readiness([base], [ok, failed]).ready).toBe(false);
    expect(readiness([base], [ok, { ...failed, decides: false }]).ready).toBe(true);
  });

  it('is never lost by adding what is ready', () => {
    const anything = fc.record({
      hadCredentials: fc.boolean(),
      prefetch: fc.boolean(),
      secondsLeft: fc.option(fc.nat(), { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.array(anything), list => {
        const status = list.map((more, i) => ({ ...base, ...more, name: `w${i}` }));
        expect(readiness([...status, base], []).ready).toBe(readiness(status, []).ready);
      }),
    );
  });
});
