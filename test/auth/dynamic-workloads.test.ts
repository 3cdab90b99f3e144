import { describe, expect, it } from 'vitest';
import { createProofWorkloads, type Vouched } from '../../src/auth/dynamic-workloads.ts';
import type { Config } from '../../src/config/types.ts';
import { parseRoleArn } from '../../src/workload/role-arn.ts';
import { CONFIGURED, WALLET, workload } from './support.ts';

function config(change: Partial<Config['defaults']> = {}): Config {
  const configured = workload('scraper-a');
  return {
    walletTag: 'agentkeys_user_wallet',
    defaults: {
      role: parseRoleArn('arn:aws:iam::123456789012:role/top'),
      sessionDuration: 1800,
      identityToken: { kind: 'file', path: '/t', audience: 'sts.amazonaws.com' },
      ...change,
    },
    workloads: new Map([['scraper-a', { workload: configured, prefetch: false, rawJwt: false }]]),
  } as unknown as Config;
}

const vouched: Vouched = { by: 'jwt', source: 'https://a', subject: 'u', wallet: WALLET, allowed: 'any' };
const made = (change: Partial<Vouched> = {}, from = config()) =>
  createProofWorkloads(() => from).vouchedFor({ ...vouched, ...change });

describe('a workload made from a proof', () => {
  it('has the top level’s role and duration, and no tags', () => {
    expect(made()).toMatchObject({
      wallet: WALLET,
      role: parseRoleArn('arn:aws:iam::123456789012:role/top'),
      sessionDuration: 1800,
      tags: {},
      origin: 'proof',
    });
    expect(made()).not.toHaveProperty('sessionPolicy');
  });

  it('is another identity for another issuer, subject, wallet or kind of proof, and the same for the same', () => {
    const ids = [
      {},
      { source: 'https://b' },
      { subject: 'v' },
      { wallet: WALLET.replace('8', '9') },
      { by: 'session' as const },
      { source: 'https://au', subject: '' },
    ].map(change => made(change).id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(made().id).toBe(ids[0]);
  });

  it('may have a wallet in upper case or with a good checksum, which is lower case from here on', () => {
    expect(made({ wallet: `0x${WALLET.slice(2).toUpperCase()}` }).wallet).toBe(WALLET);
    expect(made({ wallet: '0x8617E340B3D01FA5F11F306F4090FD50E238070D' }).id).toBe(made().id);
  });

  it.each<[string, unknown]>([
    ['a list', [WALLET]],
    ['a number', 0x8617],
    ['an object', { toString: () => WALLET }],
    ['missing', undefined],
    ['null', null],
    ['empty', ''],
    ['in mixed case that fails its checksum', WALLET.replace('e', 'E')],
    ['followed by a slash', `${WALLET}/`],
    ['a *', '*'],
    ['a 0x*', '0x*'],
    ['with a policy variable', '0x${aws:username}'],
    ['in 0X', WALLET.replace('0x', '0X')],
    ['followed by a line break', `${WALLET}\n`],
    ['too short', WALLET.slice(0, -1)],
  ])('is refused for a wallet that is %s', (_, wallet) => {
    expect(() => made({ wallet })).toThrow(expect.objectContaining({ code: 'WorkloadUnknown', status: 403 }));
  });

  it('is refused for a wallet that this proof may not vouch for', () => {
    expect(made({ allowed: [WALLET] }).wallet).toBe(WALLET);
    expect(() => made({ allowed: [CONFIGURED] })).toThrow('may not vouch');
    expect(() => made({ allowed: [] })).toThrow('may not vouch');
  });

  it('is refused for the wallet of a configured workload, in whatever case', () => {
    expect(() => made({ wallet: CONFIGURED })).toThrow('belongs to a configured workload');
    expect(() => made({ wallet: '0x52908400098527886E0F7030069857D2E4169EE7' })).toThrow('belongs to a configured');
    expect(() => made({ wallet: CONFIGURED, allowed: [CONFIGURED] })).toThrow('belongs to a configured workload');
  });

  it('is refused where no role is configured for it', () => {
    expect(() => made({}, config({ role: undefined }))).toThrow('set role_arn');
  });

  it('follows the configuration of the moment', () => {
    let current = config();
    const workloads = createProofWorkloads(() => current);
    expect(workloads.configured('scraper-a')).toBeDefined();
    current = { ...current, workloads: new Map() };
    expect(workloads.configured('scraper-a')).toBeUndefined();
    expect(workloads.vouchedFor({ ...vouched, wallet: CONFIGURED }).wallet).toBe(CONFIGURED);
  });
});
