/**
 * The environment that `exec` and `env` give, by the real program in front of the STS emulator.
 *
 * @module
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Chain, startChain, tokenOf } from '../support/chain.ts';
import { bin, cleanEnv, type Finished, parseEnvFile, run } from '../support/process.ts';

const WALLET = '0x52908400098527886e0f7030069857d2e4169ee7';
const PROXY = 'http://proxy.example:3128';
const FILE = 'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE';
let chain: Chain;
let temporary: string;
beforeAll(async () => {
  chain = await startChain();
  chain.write('walletcreds.yaml', chain.yaml({ a: WALLET }));
  chain.write('tokens/a', randomBytes(32).toString('hex'));
  temporary = join(chain.folder, 'tmp');
  mkdirSync(temporary);
});
afterAll(() => chain?.close());

const env = (extra: Record<string, string> = {}) => cleanEnv(chain.folder, { TMPDIR: temporary, ...extra });
const walletcreds = (args: readonly string[], extra: Record<string, string> = {}): Promise<Finished> =>
  run(process.execPath, ['--', bin, ...args], { env: env(extra), cwd: chain.folder });
const show = [
  process.execPath,
  '-e',
  `const { ${FILE}: file } = process.env;
   const fs = require('node:fs');
   const held = file && { text: fs.readFileSync(file, 'utf8'), mode: (fs.statSync(file).mode & 0o777).toString(8) };
   console.log(JSON.stringify({ env: process.env, held }));`,
];
type Shown = { env: Record<string, string>; held?: { text: string; mode: string } };
async function exec(args: readonly string[], extra: Record<string, string> = {}): Promise<Shown & { stderr: string }> {
  const { code, stdout, stderr } = await walletcreds(['exec', 'a', ...args, '--', ...show], extra);
  if (code !== 0) throw new Error(stderr);
  return { ...(JSON.parse(stdout) as Shown), stderr };
}

describe('the token under exec', () => {
  test.each([
    ['its own endpoint', []],
    ['a running endpoint', ['--endpoint', 'http://127.0.0.1:1']],
  ])('is a variable and a private file with the same value, with %s', async (_, flags) => {
    const { env: seen, held } = await exec(flags);
    expect(held).toEqual({ text: seen['AWS_CONTAINER_AUTHORIZATION_TOKEN'], mode: '600' });
    expect(readdirSync(temporary)).toEqual([]);
  });

  test('is swept at the next start where exec was killed', async () => {
    const script = `console.log(process.pid + ' ' + process.env.${FILE}); setInterval(() => {}, 1e6)`;
    const command = ['exec', 'a', '--', process.execPath, '-e', script];
    const child = spawn(process.execPath, ['--', bin, ...command], { env: env(), cwd: chain.folder });
    const first = await new Promise<string>(resolve => child.stdout.once('data', chunk => resolve(String(chunk))));
    const [pid = '', file = ''] = first.trim().split(/\s/);
    const ended = new Promise(resolve => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
    process.kill(Number(pid), 'SIGKILL');
    expect(existsSync(file)).toBe(true);
    await exec([]);
    expect(existsSync(dirname(file))).toBe(false);
  });

  test('is a variable alone, and the reason is a warning, where no file can be written', async () => {
    const { env: seen, held, stderr } = await exec([], { TMPDIR: join(chain.folder, 'none') });
    expect(held).toBeUndefined();
    expect(seen['AWS_CONTAINER_AUTHORIZATION_TOKEN']).toMatch(/^[0-9a-f]{64}$/);
    expect(stderr).toMatch(/as a variable only.*none \(ENOENT\); set TMPDIR/);
  });
});

describe('what the caller of exec chose', () => {
  test.each([
    [{}, 'us-east-1', 'us-east-1'],
    [{ AWS_REGION: 'eu-west-1' }, 'eu-west-1', 'eu-west-1'],
    [{ AWS_DEFAULT_REGION: 'eu-west-2' }, 'eu-west-2', 'eu-west-2'],
    [{ AWS_REGION: 'eu-west-1', AWS_DEFAULT_REGION: 'eu-west-2' }, 'eu-west-1', 'eu-west-2'],
  ])('of regions stays: %j', async (chosen, region, other) => {
    for (const flags of [[], ['--static-env']])
      expect((await exec(flags, chosen)).env).toMatchObject({ AWS_REGION: region, AWS_DEFAULT_REGION: other });
  });

  test('as configuration file stays; credentials in it are a warning', async () => {
    const harmless = chain.write('harmless.ini', '[default]\nretry_mode = standard\n');
    expect(await exec([], { AWS_CONFIG_FILE: harmless })).toMatchObject({
      env: { AWS_CONFIG_FILE: harmless },
      stderr: '',
    });
    const other = chain.write('other.ini', '[default]\ncredential_process = /bin/other\n');
    const { env: seen, stderr } = await exec([], { AWS_CONFIG_FILE: other });
    expect(seen['AWS_CONFIG_FILE']).toBe(other);
    expect(stderr).toMatch(/other\.ini has credential_process; .*before the endpoint/);
  });

  test('as proxy stays, and the endpoint bypasses it', async () => {
    const { env: seen } = await exec([], { HTTP_PROXY: PROXY, NO_PROXY: 'internal' });
    expect(seen).toMatchObject({ HTTP_PROXY: PROXY, NO_PROXY: 'internal,127.0.0.1', no_proxy: 'internal,127.0.0.1' });
    expect(Object.keys((await exec([])).env).filter(name => /no_proxy/i.test(name))).toEqual([]);
  });
});

describe('env', () => {
  test('is the same variables as JSON, as lines for docker, and to a shell', async () => {
    const json = JSON.parse((await walletcreds(['env', 'a', '--format', 'json'])).stdout) as Record<string, string>;
    expect(json).toMatchObject({
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://127.0.0.1:${chain.port}/v1/credentials`,
      AWS_CONTAINER_AUTHORIZATION_TOKEN: tokenOf(chain, 'a'),
      AWS_REGION: 'us-east-1',
      AWS_DEFAULT_REGION: 'us-east-1',
      AWS_EC2_METADATA_DISABLED: 'true',
      AGENTKEYS_USER_WALLET: WALLET,
    });
    const docker = (await walletcreds(['env', 'a', '--format', 'docker'])).stdout;
    expect(parseEnvFile(docker)).toEqual(json);
    expect(docker).not.toMatch(/["']|^export/m);
    const { stdout: shell } = await walletcreds(['env', 'a']);
    const script = `AWS_PROFILE=x; export AWS_PROFILE\n${shell}\nexec "${process.execPath}" -p 'JSON.stringify(process.env)'`;
    const seen = JSON.parse((await run('/bin/sh', ['-c', script], { env: env() })).stdout) as Record<string, string>;
    expect(seen).toMatchObject(json);
    expect(seen).not.toHaveProperty('AWS_PROFILE');
  });

  test('bypasses the proxy that the environment has', async () => {
    const { stdout } = await walletcreds(['env', 'a', '--format', 'json'], { https_proxy: PROXY });
    expect(JSON.parse(stdout)).toMatchObject({ NO_PROXY: '127.0.0.1', no_proxy: '127.0.0.1' });
  });
});

test('credentials --format docker is bare lines', async () => {
  const { stdout } = await walletcreds(['credentials', 'a', '--format', 'docker']);
  const { AWS_ACCESS_KEY_ID: id = '' } = parseEnvFile(stdout);
  expect(chain.sts.sessions.get(id)?.sessionName).toBe(`${WALLET}@a`);
  expect(stdout).not.toMatch(/export|["']/);
});
