/**
 * Real clients of S3 against the S3 of `dev`: the own folder opens, another wallet's is AccessDenied.
 *
 * @module
 */
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { because, debian, npmClients } from '../../support/clients.ts';
import { cleanEnv, type Dev, run, startDev } from '../../support/process.ts';

const wallet = '0x52908400098527886e0f7030069857d2e4169ee7';
const own = `bots/${wallet}/`;
const foreign = 'bots/0xdeadbeef/';
const bucket = 'walletcreds-dev';
const programs = fileURLToPath(new URL('programs', import.meta.url));
const npm = await npmClients();

// The AWS CLI takes a second to start, and several on a machine that has other work.
vi.setConfig({ testTimeout: 120_000 });

let dev: Dev;
let url = '';
beforeAll(async () => {
  dev = await startDev({ workloads: { demo: wallet } });
  url = dev.env('demo')['AWS_ENDPOINT_URL_S3'] ?? '';
});
afterAll(() => dev?.stop());

const client = (command: string, args: readonly string[], env: Record<string, string> = {}) =>
  run(command, args, { env: cleanEnv(join(dev.folder, 'home'), { ...dev.env('demo'), ...env }), timeout: 60_000 });

test.skipIf(because(debian('awscli')))('AWS CLI: lists, copies in parts and back, and is refused', async () => {
  const aws = (...args: string[]) => client('/usr/bin/aws', ['--endpoint-url', url, 's3', ...args]);
  const [file, back] = [join(dev.folder, 'big'), join(dev.folder, 'back')];
  writeFileSync(file, randomBytes(20_000_000));
  expect((await aws('ls', `s3://${bucket}/${own}`)).stdout).toContain('hello.txt');
  expect(await aws('cp', '--no-progress', file, `s3://${bucket}/${own}big`)).toMatchObject({ code: 0 });
  expect(await aws('cp', '--no-progress', `s3://${bucket}/${own}big`, back)).toMatchObject({ code: 0 });
  expect(readFileSync(back).equals(readFileSync(file))).toBe(true);
  for (const args of [
    ['ls', `s3://${bucket}/${foreign}`],
    ['rm', `s3://${bucket}/${foreign}secret.txt`],
    ['ls', `s3://${bucket}`],
  ])
    expect((await aws(...args)).stderr).toContain('(AccessDenied)');
});

test.skipIf(because(debian('python3-boto3')))('boto3: writes and lists an odd key, and is refused', async () => {
  const { stdout, stderr } = await client('/usr/bin/python3', [
    join(programs, 'boto3_s3.py'),
    url,
    bucket,
    own,
    foreign,
  ]);
  expect([stdout, stderr]).toEqual([expect.stringMatching(/'é x\+y'\]\nAccessDenied\n$/), '']);
});

test.skipIf(because(debian('rclone')))('rclone: lists and reads, and is refused', async () => {
  const at = (path: string) => `:s3,provider=Other,env_auth=true,endpoint="${url}",region=us-east-1:${bucket}/${path}`;
  expect((await client('/usr/bin/rclone', ['cat', at(`${own}hello.txt`)])).stdout).toBe(`hello, ${wallet}\n`);
  expect((await client('/usr/bin/rclone', ['lsf', at(foreign)])).stderr).toContain('AccessDenied');
});

test.skipIf(because(npm.missing))(
  'LanceDB (AWS SDK for Rust): lists a database in the own folder, and is refused',
  async () => {
    const list = (folder: string) =>
      client(process.execPath, [join(programs, 'lancedb.mjs'), npm.folder, url, `${bucket}/${folder}`]);
    expect((await list(own.slice(0, -1))).stdout).toContain('[]');
    expect((await list(foreign.slice(0, -1))).stderr).toContain('AccessDenied');
  },
);
