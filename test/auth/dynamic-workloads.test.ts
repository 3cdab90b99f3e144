import { describe, expect, it } from 'vitest';
import { DynamicWorkloads, type WalletStatement } from '../../src/auth/dynamic-workloads.ts';
import type { Config } from '../../src/config/types.ts';
import { parseRoleArn } from '../../src/workload/role-arn.ts';
import { allSteps } from '../support/steps.ts';
import { workload } from '../support/workload.ts';
import { CONFIGURED, jwtConfig, WALLET } from './support.ts';

interface Change extends Partial<WalletStatement> {
  readonly wallets?: 'any' | readonly string[];
}

const ISSUERS = ['https://a', 'https://b', 'https://au'];

function config(change: Partial<Config['defaults']> = {}, wallets: 'any' | readonly string[] = 'any'): Config {
  const configured = workload();
  const jwt = ISSUERS.map(issuer => jwtConfig({ issuer, wallets }));
  return {
    walletTag: 'agentkeys_user_wallet',
    defaults: {
      role: parseRoleArn('arn:aws:iam::123456789012:role/top'),
      sessionDuration: 1800,
      identityToken: { kind: 'file', path: '/t', audience: 'sts.amazonaws.com' },
      ...change,
    },
    workloads: new Map([['scraper-a', { workload: configured, prefetch: false, rawJwt: false }]]),
    callers: { jwt, sessionBackend: { url: 'https://a', wallets } },
  } as unknown as Config;
}

const statement: WalletStatement = { by: 'jwt', source: 'https://a', subject: 'u', wallet: WALLET };
const of = (from: Config, previous?: DynamicWorkloads) => allSteps(DynamicWorkloads.build(from, previous));
const made = ({ wallets, ...change }: Change = {}, from = config({}, wallets)) =>
  of(from).workloadFor({ ...statement, ...change });

describe('a dynamic workload', () => {
  it('has the top level’s role and duration, and no tags', () => {
    expect(made()).toMatchObject({
      wallet: WALLET,
      role: parseRoleArn('arn:aws:iam::123456789012:role/top'),
      sessionDuration: 1800,
      tags: {},
      origin: 'dynamic',
    });
    expect(made()).not.toHaveProperty('sessionPolicy');
  });

  it('is another identity for another issuer, subject, wallet or way of presenting it, and the same for the same', () => {
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

  it('is refused for a wallet that this source may not state', () => {
    expect(made({ wallets: [WALLET] }).wallet).toBe(WALLET);
    expect(() => made({ wallets: [CONFIGURED] })).toThrow('list it under wallets');
    expect(() => made({ wallets: [] })).toThrow('list it under wallets');
  });

  it('is refused for the wallet of a configured workload, in whatever case', () => {
    expect(() => made({ wallet: CONFIGURED })).toThrow('belongs to a configured workload');
    expect(() => made({ wallet: '0x52908400098527886E0F7030069857D2E4169EE7' })).toThrow('belongs to a configured');
    expect(() => made({ wallet: CONFIGURED, wallets: [CONFIGURED] })).toThrow('belongs to a configured workload');
  });

  it('is refused where no role is configured for it', () => {
    expect(() => made({}, config({ role: undefined }))).toThrow('set role_arn');
  });

  it('is refused for a source that is not configured', () => {
    expect(() => made({ source: 'https://evil.example' })).toThrow('list it under wallets');
    expect(() => made({ by: 'session', source: 'https://b' })).toThrow('list it under wallets');
  });

  it('is one object for one statement, so its identity is computed once', () => {
    const workloads = of(config());
    expect(workloads.workloadFor(statement)).toBe(workloads.workloadFor({ ...statement }));
  });
});

describe('a reload', () => {
  const before = of(config());
  const kept = before.workloadFor(statement);

  it('keeps a dynamic workload that the new configuration would make just the same', () => {
    expect(of(config(), before).has(kept)).toBe(true);
    expect(of(config()).has(kept)).toBe(false);
  });

  it.each<[string, Config]>([
    ['that has another role now', config({ role: parseRoleArn('arn:aws:iam::123456789012:role/other') })],
    ['whose issuer may not state its wallet any more', config({}, [CONFIGURED])],
    ['whose issuer is gone', { ...config(), callers: { jwt: [] } }],
    [
      'whose wallet is a configured workload’s now',
      {
        ...config(),
        workloads: new Map([
          ['b', { workload: workload({ name: 'b', wallet: WALLET }), prefetch: false, rawJwt: false }],
        ]),
      },
    ],
  ])('drops one %s', (_, next) => {
    expect(of(next, before).has(kept)).toBe(false);
  });

  it('changes what the wallet of a removed workload is worth', () => {
    const next = of({ ...config(), workloads: new Map() }, before);
    expect(next.configured('scraper-a')).toBeUndefined();
    expect(next.workloadFor({ ...statement, wallet: CONFIGURED }).wallet).toBe(CONFIGURED);
  });
});
