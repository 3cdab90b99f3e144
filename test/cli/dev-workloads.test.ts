import { describe, expect, it } from 'vitest';
import { DEMO, parseDevWorkloads } from '../../src/cli/commands/dev/workloads.ts';
import { UsageError } from '../../src/lib/errors.ts';

describe('--workload', () => {
  it('is a demo with a lower-case wallet unless told otherwise', () => {
    expect(parseDevWorkloads([])).toEqual([DEMO]);
    expect(DEMO.wallet).toMatch(/^0x[0-9a-f]{40}$/);
  });

  it('takes names and wallets in order, and folds the wallet’s case', () => {
    const flags = ['b=0x52908400098527886E0F7030069857D2E4169EE7', `a.1=0x${'1'.repeat(40)}`];
    expect(parseDevWorkloads(flags)).toEqual([
      { name: 'b', wallet: '0x52908400098527886e0f7030069857d2e4169ee7' },
      { name: 'a.1', wallet: `0x${'1'.repeat(40)}` },
    ]);
  });

  it.each([
    ['demo', /write NAME=WALLET/],
    ['=0x52908400098527886e0f7030069857d2e4169ee7', /the name has/],
    ['../x=0x52908400098527886e0f7030069857d2e4169ee7', /the name has/],
    ['a=0x1', /40 hexadecimal digits/],
    ['a=0x52908400098527886E0F7030069857D2E4169Ee7', /EIP-55/],
    ['a=', /empty/],
  ])('refuses %s with the fix', (flag, message) => {
    expect(() => parseDevWorkloads([flag])).toThrow(UsageError);
    expect(() => parseDevWorkloads([flag])).toThrow(message);
  });

  it('refuses one name for two', () => {
    const wallet = DEMO.wallet;
    expect(() => parseDevWorkloads([`a=${wallet}`, `a=${wallet}`])).toThrow(/"a" is there twice/);
  });
});
