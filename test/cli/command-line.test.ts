/**
 * The command line as people write it: where options may stand, what is passed on untouched, and which mistakes are 2.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Chain, startChain } from '../support/chain.ts';
import { bin, cleanEnv, run } from '../support/process.ts';

const WALLET = '0x52908400098527886e0f7030069857d2e4169ee7';
let chain: Chain;

beforeAll(async () => {
  chain = await startChain();
  chain.write('walletcreds.yaml', chain.yaml({ demo: WALLET }));
});
afterAll(() => chain.close());

function walletcreds(args: readonly string[], env: Record<string, string> = {}) {
  return run(process.execPath, ['--', bin, ...args], { env: cleanEnv(chain.folder, env), cwd: chain.folder });
}

describe('exec WORKLOAD -- CMD', () => {
  const script = 'console.log(JSON.stringify({ args: process.argv.slice(1), env: process.env })); process.exit(7)';

  test('runs what stands after -- with its arguments untouched, and ends with its exit status', async () => {
    const { code, stdout } = await walletcreds(
      ['exec', 'demo', '--', process.execPath, '-e', script, '--', '--config', 'x', '--static-env'],
      { AWS_ACCESS_KEY_ID: 'AKIAOTHER', AWS_PROFILE: 'other' },
    );
    expect(code).toBe(7);
    const { args, env } = JSON.parse(stdout) as { args: string[]; env: Record<string, string> };
    expect(args).toEqual(['--config', 'x', '--static-env']);
    expect(env['AWS_CONTAINER_CREDENTIALS_FULL_URI']).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/v1\/credentials$/);
    expect(env['AWS_CONTAINER_AUTHORIZATION_TOKEN']).toMatch(/^[0-9a-f]{64}$/);
    expect(env).not.toHaveProperty('AWS_ACCESS_KEY_ID');
    expect(env).not.toHaveProperty('AWS_PROFILE');
  });

  test.each([[['exec', '--static-env', 'demo', '--']], [['exec', 'demo', '--static-env', '--']]])(
    'takes its own options on either side of the workload: %j',
    async args => {
      const { code, stdout } = await walletcreds([...args, process.execPath, '-e', script]);
      expect(code).toBe(7);
      expect(JSON.parse(stdout).env.AWS_ACCESS_KEY_ID).toMatch(/^ASIA/);
    },
  );

  test('without a program is 2', async () => {
    expect((await walletcreds(['exec', 'demo', '--'])).code).toBe(2);
  });
});

test('a reader who goes away, as `head` does, is no error', async () => {
  const child = spawn(process.execPath, [bin, '--help'], { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.destroy();
  let said = '';
  child.stderr.on('data', chunk => {
    said += chunk;
  });
  const [code] = await once(child, 'close');
  expect([code, said]).toEqual([0, '']);
});

describe('a URL that is none is 2, in one line that names the flag', () => {
  test.each([
    [['healthcheck', '--url', 'garbage'], '--url'],
    [['healthcheck', '--url', 'localhost:9112'], '--url'],
    [['credentials', 'demo', '--endpoint', '127.0.0.1:9110'], '--endpoint'],
    [['exec', 'demo', '--endpoint', 'garbage', '--', 'true'], '--endpoint'],
    [['verify', 'demo', '--bucket', 'b', '--endpoint-url', 'garbage'], '--endpoint-url'],
    [['verify', 'demo', '--bucket', 'b', '--via', 'mint-aws-creds', '--broker', 'garbage'], '--broker'],
  ])('%j', async (args, flag) => {
    const { code, stderr } = await walletcreds(args);
    expect(code).toBe(2);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stderr).toContain(flag);
    expect(stderr).toContain('URL');
  });
});
