import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Chain, type Serving, startChain, startServe } from '../support/chain.ts';
import { bin, cleanEnv, run } from '../support/process.ts';

let chain: Chain;
let serving: Serving;
beforeAll(async () => {
  chain = await startChain();
  chain.write('walletcreds.yaml', chain.yaml({ a: '0x52908400098527886e0f7030069857d2e4169ee7' }));
  serving = startServe(chain);
  await serving.said('serving');
});
afterAll(async () => {
  serving?.child.kill('SIGTERM');
  await serving?.exited;
  await chain?.close();
});

const healthcheck = (...args: string[]) =>
  run(process.execPath, ['--', bin, 'healthcheck', ...args], { env: cleanEnv(chain.folder), cwd: chain.folder });

describe('healthcheck --config', () => {
  test('asks the admin listener that the configuration names', async () => {
    let last = await healthcheck('--config', 'walletcreds.yaml');
    // The first credentials may still be on their way.
    while (last.stdout.startsWith('not ready')) last = await healthcheck('--config', 'walletcreds.yaml');
    expect(last).toMatchObject({ code: 0, stdout: 'ready\n' });
    expect(await healthcheck('--config', 'walletcreds.yaml', '--workload', 'a')).toMatchObject({ code: 0 });
  });

  test('gives way to --url', async () => {
    const { code, stdout } = await healthcheck('--config', 'walletcreds.yaml', '--url', 'http://127.0.0.1:1');
    expect(code).toBe(1);
    expect(stdout).toContain('not reached at http://127.0.0.1:1');
  });

  test('of a file that can’t be read is an error, not the default listener', async () => {
    expect(await healthcheck('--config', 'none.yaml')).toMatchObject({ code: 2, stdout: '' });
  });

  test('of a configuration without an admin listener says so', async () => {
    const text = chain.yaml({ a: '0x52908400098527886e0f7030069857d2e4169ee7' });
    chain.write('no-admin.yaml', text.replace(/^admin: .*$/m, 'admin: { listen: [] }'));
    const { code, stderr } = await healthcheck('--config', 'no-admin.yaml');
    expect(code).toBe(2);
    expect(stderr).toContain('admin.listen is empty');
  });
});
