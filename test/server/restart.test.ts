import { describe, expect, it } from 'vitest';
import type { Config } from '../../src/config/types.ts';
import { needsRestart } from '../../src/server/restart.ts';
import { configOf } from '../aws/support.ts';

const listener = { listen: [{ host: '127.0.0.1', port: 9110 }], allowRemote: false, maxConnections: 16 };
const moved = [{ host: '127.0.0.1', port: 9111 }];
const tls = { listen: moved, certFile: '/tls/cert.pem', keyFile: '/tls/key.pem' };

const base = configOf();
const before: Config = {
  ...base,
  admin: { ...listener, open: false },
  broker: { ...listener, mintAwsCreds: true, extraHosts: [] },
};

describe('a changed configuration', () => {
  it.each<[string, Partial<Config>]>([
    ['state_dir', { stateDir: '/elsewhere' }],
    ['region', { region: 'eu-central-1' }],
    ['sts', { sts: { ...before.sts, timeoutMs: before.sts.timeoutMs + 1 } }],
    ['audit.database', { audit: { kind: 'stdout' } }],
    ['endpoint.listen', { endpoint: { ...before.endpoint, listen: moved } }],
    ['endpoint.tls', { endpoint: { ...before.endpoint, tls } }],
    ['broker.listen', { broker: { ...listener, mintAwsCreds: true, extraHosts: [], listen: moved } }],
    ['broker.tls', { broker: { ...listener, mintAwsCreds: true, extraHosts: [], tls } }],
    ['admin.listen', { admin: { ...before.admin, listen: moved } }],
    ['admin.tls', { admin: { ...before.admin, tls } }],
  ])('needs a restart for %s, and says so by name', (key, change) => {
    expect(needsRestart(before, { ...before, ...change })).toEqual([key]);
  });

  it.each<[string, Partial<Config>]>([
    ['the workloads', { workloads: new Map() }],
    ['the wallet’s tag', { walletTag: 'another' }],
    ['who may connect', { endpoint: { ...before.endpoint, allowFrom: ['10.0.0.0/8'] } }],
    ['the number of connections', { admin: { ...before.admin, maxConnections: 17 } }],
    ['the admin token', { admin: { ...before.admin, token: { file: '/t', value: 'x' } } }],
    ['warnings', { warnings: ['one'] }],
  ])('takes effect at once for %s', (_, change) => {
    expect(needsRestart(before, { ...before, ...change })).toEqual([]);
  });

  it('names each part that needs one, and a section that was added', () => {
    const { broker: _, ...without } = before;
    expect(needsRestart(without, { ...before, region: 'eu-central-1' })).toEqual(['region', 'broker.listen']);
  });
});
