import { expect, test } from 'vitest';
import { plainServe } from '../../src/cli/plain-serve.ts';

test.each([
  [['serve'], {}, 'walletcreds.yaml'],
  [['serve'], { WALLETCREDS_CONFIG: '' }, 'walletcreds.yaml'],
  [['serve'], { WALLETCREDS_CONFIG: '/etc/w.yaml' }, '/etc/w.yaml'],
  [['serve', '--config', 'a.yaml'], { WALLETCREDS_CONFIG: '/etc/w.yaml' }, 'a.yaml'],
])('%j with %j is `serve` on %s', (args, env, config) => {
  expect(plainServe(args, env)).toBe(config);
});

test.each([
  [[]],
  [['--version']],
  [['serve', '--help']],
  [['serve', '--config']],
  [['serve', '--config', '']],
  [['serve', '--config', '--help']],
  [['serve', '--config=a.yaml']],
  [['serve', '--config', 'a.yaml', '--help']],
  [['serve', 'a.yaml']],
  [['dev']],
])('%j is for the whole program to judge', args => {
  expect(plainServe(args, {})).toBeUndefined();
});
