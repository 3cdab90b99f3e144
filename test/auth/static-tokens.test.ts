import { createHash } from 'node:crypto';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TokenEntry } from '../../src/auth/static-tokens.ts';
import { parseRoleArn } from '../../src/workload/role-arn.ts';
import { tokenOf } from '../http/support/sample.ts';
import { fakeClock } from '../support/fake-clock.ts';
import { walletOf, workload } from '../support/workload.ts';
import { reloadableTokens } from './support.ts';

const alpha = workload({ name: 'alpha', wallet: walletOf('1') });
const beta = workload({ name: 'beta', wallet: walletOf('2') });
const entry = (value: string, w = alpha): TokenEntry => ({ value, workload: w });
const OLD = 'old-'.padEnd(40, 'o');
const NEW = 'new-'.padEnd(40, 'n');

describe('the token tokens', () => {
  it('finds whose a value is, raw or behind one Bearer, and says its hash', () => {
    const tokens = reloadableTokens('token', [entry(tokenOf('alpha')), entry(tokenOf('beta'), beta)], fakeClock());
    for (const shown of [tokenOf('beta'), `Bearer ${tokenOf('beta')}`, `bearer ${tokenOf('beta')}`]) {
      const caller = tokens.find(shown);
      expect(caller?.workload).toBe(beta);
      expect(caller?.kind).toBe('token');
      expect(caller?.tokenHash).toBe(createHash('sha256').update(tokenOf('beta')).digest('hex'));
    }
    expect(tokens.find(`Bearer Bearer ${tokenOf('beta')}`)).toBeUndefined();
  });

  it('finds nobody for nothing, for a part, for more, and for anything else', () => {
    const token = tokenOf('alpha');
    const tokens = reloadableTokens('token', [entry(token)], fakeClock());
    for (const shown of [undefined, '', 'Bearer ', token.slice(1), `${token} `, ` ${token}`, token.toUpperCase()]) {
      expect(tokens.find(shown), String(shown)).toBeUndefined();
    }
    const other = fc.string({ unit: 'binary' }).filter(text => text !== token && text.slice(7) !== token);
    fc.assert(
      fc.property(other, text => {
        expect(tokens.find(text)).toBeUndefined();
      }),
    );
  });

  it('refuses one value for two workloads, and names both but not the value', () => {
    const make = () => reloadableTokens('bearer', [entry(OLD), entry(OLD, beta)], fakeClock());
    expect(make).toThrow('"alpha" and "beta" have the same bearer value');
    expect(make).not.toThrow(OLD);
  });

  it('keeps an old value good for the overlap and not a moment longer, by the monotonic clock', async () => {
    const clock = fakeClock();
    const tokens = reloadableTokens('token', [entry(OLD)], clock);
    tokens.reload([entry(NEW)], 5_000);
    clock.stepWall(3_600_000);
    await clock.advance(4_999);
    expect(tokens.find(OLD)?.workload.id).toBe(alpha.id);
    expect(tokens.find(OLD)?.tokenHash).not.toBe(tokens.find(NEW)?.tokenHash);
    await clock.advance(1);
    expect(tokens.find(OLD)).toBeUndefined();
    expect(tokens.find(NEW)).toBeDefined();
  });

  it('doesn’t stretch an overlap by further reloads', async () => {
    const clock = fakeClock();
    const tokens = reloadableTokens('token', [entry(OLD)], clock);
    tokens.reload([entry(NEW)], 5_000);
    await clock.advance(3_000);
    tokens.reload([entry(NEW)], 5_000);
    await clock.advance(2_000);
    expect(tokens.find(OLD)).toBeUndefined();
  });

  it.each([
    ['an overlap of 0', [entry(NEW)], 0],
    ['a workload that is gone', [entry(NEW, beta)], 5_000],
    ['a changed wallet', [entry(NEW, workload({ name: 'alpha', wallet: walletOf('3') }))], 5_000],
    [
      'a changed role',
      [
        entry(
          NEW,
          workload({
            name: 'alpha',
            wallet: walletOf('1'),
            role: parseRoleArn('arn:aws:iam::210987654321:role/other'),
          }),
        ),
      ],
      5_000,
    ],
  ] as const)('gives no overlap with %s', (_, next, overlap) => {
    const tokens = reloadableTokens('token', [entry(OLD)], fakeClock());
    tokens.reload(next, overlap);
    expect(tokens.find(OLD)).toBeUndefined();
    expect(tokens.find(NEW)).toBeDefined();
  });

  it('gives a value that now belongs to another to that one alone, at once', () => {
    const tokens = reloadableTokens('token', [entry(OLD)], fakeClock());
    tokens.reload([entry(NEW), entry(OLD, beta)], 5_000);
    expect(tokens.find(OLD)?.workload).toBe(beta);
  });

  it('takes back an overlap when a later reload removes the workload', () => {
    const tokens = reloadableTokens('token', [entry(OLD)], fakeClock());
    tokens.reload([entry(NEW)], 5_000);
    tokens.reload([entry(tokenOf('beta'), beta)], 5_000);
    expect(tokens.find(OLD)).toBeUndefined();
    tokens.reload([entry(NEW)], 5_000);
    expect(tokens.find(OLD)).toBeUndefined();
  });

  it('never finds an identity that the current entries lack, whatever the reloads', async () => {
    const values = ['a', 'b', 'c', 'd'].map(letter => letter.repeat(40));
    const identities = [
      alpha,
      beta,
      workload({ name: 'alpha', wallet: walletOf('3') }),
      workload({ name: 'gamma', wallet: walletOf('4') }),
    ];
    const set = fc
      .uniqueArray(fc.tuple(fc.nat(3), fc.nat(3)), { selector: ([value]) => value, maxLength: 4 })
      .map(pairs => pairs.map(([v, w]) => entry(values[v] as string, identities[w])));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(set, fc.nat(6_000)), { maxLength: 8 }), async steps => {
        const clock = fakeClock();
        const tokens = reloadableTokens('token', [], clock);
        for (const [entries, wait] of steps) {
          tokens.reload(entries, 5_000);
          await clock.advance(wait);
          const ids = new Set(entries.map(({ workload }) => workload.id));
          for (const value of values) {
            const found = tokens.find(value);
            if (found !== undefined) expect(ids).toContain(found.workload.id);
            const owner = entries.find(e => e.value === value);
            if (owner !== undefined) expect(found?.workload.id).toBe(owner.workload.id);
          }
        }
      }),
      { numRuns: 50 },
    );
  });

  it('asks the source only of who has one, and takes the newest rule in an overlap', () => {
    const tokens = reloadableTokens('relative', [{ ...entry(OLD), from: a => a === '10.0.0.1' }], fakeClock());
    expect(tokens.find(OLD, '10.0.0.1')?.kind).toBe('relative');
    expect(tokens.find(OLD, '10.0.0.2')).toBeUndefined();
    expect(tokens.find(OLD)).toBeUndefined();
    tokens.reload([{ ...entry(NEW), from: a => a === '10.0.0.2' }], 5_000);
    expect(tokens.find(OLD, '10.0.0.1')).toBeUndefined();
    expect(tokens.find(OLD, '10.0.0.2')).toBeDefined();
  });

  it('holds no raw value', () => {
    const tokens = reloadableTokens('token', [entry(OLD)], fakeClock());
    expect(inspect(tokens, { depth: 10, showHidden: true })).not.toContain(OLD);
    expect(inspect(tokens.find(OLD), { depth: 10, showHidden: true })).not.toContain(OLD);
  });
});
