/**
 * Clients as people run them, unmodified, against the running program. They get an environment and nothing else: what
 * `dev` exports, `AWS_EC2_METADATA_DISABLED`, an empty home.
 *
 * Two proofs. A client that speaks STS asks who it is, and the emulator checks the signature: the answer names the wallet. One
 * that speaks S3 alone signs with the access key and the session token that the endpoint vends to this workload.
 *
 * @module
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { because, debian, goProgram, npmClients } from '../../support/clients.ts';
import { cleanEnv, type Dev, output, root, startDev } from '../../support/process.ts';
import { ask } from '../../support/request.ts';
import { type S3Recorder, startS3Recorder } from '../../support/s3-recorder.ts';

const workloads = {
  first: '0x52908400098527886e0f7030069857d2e4169ee7',
  second: '0xde709f2102306220921060314715629080e2fb77',
};
const programs = fileURLToPath(new URL('programs', import.meta.url));
const npm = await npmClients();
// Debian's programs by their full names: a version manager may have put others in front of them.
const aws = '/usr/bin/aws';
const awsMissing = debian('awscli');

let dev: Dev;
let s3: S3Recorder;
beforeAll(async () => {
  [dev, s3] = await Promise.all([startDev({ workloads }), startS3Recorder()]);
});
afterAll(async () => {
  await dev?.stop();
  await s3?.close();
});

/** The workload's exports in an empty home, some clients' own settings beside them. */
function environment(workload: string, extra: Record<string, string> = {}): Record<string, string> {
  // The S3 that these clients are pointed at records what they sign with; dev's own would come first for some of them.
  const { AWS_ENDPOINT_URL_S3: _, ...env } = dev.env(workload);
  return cleanEnv(join(dev.folder, 'home'), { ...env, ...extra });
}

type Client = {
  readonly name: string;
  readonly missing: string | undefined;
  readonly command: (workload: string) => Promise<readonly string[]> | readonly string[];
  readonly env?: Record<string, string>;
};
const node = (program: string, ...args: string[]) => [process.execPath, join(programs, program), ...args];

/** Builds a Go program once for every run on this machine, from Debian's sources, with no network. */
const identityClients: readonly Client[] = [
  { name: 'AWS SDK for JavaScript v3', missing: undefined, command: () => node('sdk-v3.mjs') },
  { name: 'AWS SDK for JavaScript v2', missing: npm.missing, command: () => node('sdk-v2.mjs', npm.folder) },
  { name: 'aws-crt', missing: npm.missing, command: () => node('crt.mjs', npm.folder) },
  {
    name: 'AWS CLI',
    missing: awsMissing,
    command: workload => [
      aws,
      ...['--endpoint-url', dev.env(workload)['AWS_ENDPOINT_URL_STS'] ?? ''],
      ...['sts', 'get-caller-identity', '--query', 'Arn', '--output', 'text'],
    ],
  },
  {
    name: 'boto3',
    missing: debian('python3-boto3'),
    command: () => ['/usr/bin/python3', join(programs, 'boto3_sts.py')],
  },
  {
    name: 'AWS SDK for Go v1',
    missing: debian('golang-go', 'golang-github-aws-aws-sdk-go-dev'),
    command: async () => [await goProgram(join(programs, 'go-v1'), dev.folder)],
  },
  {
    name: 'AWS SDK for Go v2',
    missing: debian('golang-go', 'golang-github-aws-aws-sdk-go-v2-dev'),
    command: async () => [await goProgram(join(programs, 'go-v2'), dev.folder)],
  },
];

const storageClients: readonly Client[] = [
  { name: 'LanceDB (AWS SDK for Rust)', missing: npm.missing, command: () => node('lancedb.mjs', npm.folder, s3.url) },
  {
    name: 'rclone',
    missing: debian('rclone'),
    command: () => [
      '/usr/bin/rclone',
      'lsf',
      `:s3,provider=Other,env_auth=true,endpoint="${s3.url}",region=us-east-1:bucket`,
    ],
  },
  {
    name: 'restic',
    missing: debian('restic'),
    command: () => ['/usr/bin/restic', '--no-cache', '-r', `s3:${s3.url}/bucket`, 'init'],
    env: { RESTIC_PASSWORD: 'of a test' },
  },
];

/** What the endpoint vends to the workload right now. */
async function vended(workload: string): Promise<{ AccessKeyId: string; Token: string }> {
  const { AWS_CONTAINER_CREDENTIALS_FULL_URI: url = '', AWS_CONTAINER_AUTHORIZATION_TOKEN: token } = dev.env(workload);
  const answer = await ask({ port: dev.port, path: new URL(url).pathname, headers: { Authorization: token } });
  expect(answer.status).toBe(200);
  return JSON.parse(answer.body) as { AccessKeyId: string; Token: string };
}

async function start(client: Client, workload: string): Promise<string> {
  const [command = '', ...args] = await client.command(workload);
  return output(command, args, { env: environment(workload, client.env), cwd: root, timeout: 60_000 });
}

describe('a client that speaks STS learns that it is its own wallet', () => {
  for (const client of identityClients)
    test.skipIf(because(client.missing))(client.name, { timeout: 300_000 }, async () => {
      for (const [workload, wallet] of Object.entries(workloads)) {
        const arn = (await start(client, workload)).trim();
        expect(arn).toMatch(/^arn:aws:sts::000000000000:assumed-role\/[^/]+\/[^/]+$/);
        expect(arn.split('/')[2]).toContain(wallet);
      }
    });

  test.skipIf(because(awsMissing))('AWS CLI, as the printed export lines set its environment', async () => {
    const env = { ...dev.env('first') };
    const script = Object.entries(env).map(([key, value]) => `export ${key}=${value}`);
    const file = join(dev.folder, 'exports.sh');
    writeFileSync(file, script.join('\n'));
    const ask = `. ${file}; exec ${aws} --endpoint-url "$AWS_ENDPOINT_URL_STS" sts get-caller-identity`;
    const said = await output('/bin/sh', ['-c', ask], { env: cleanEnv(join(dev.folder, 'home')) });
    expect(JSON.parse(said)).toMatchObject({ Account: '000000000000', Arn: expect.stringContaining(workloads.first) });
  });
});

describe('a client that is asked for its credentials alone', () => {
  // minio-js 8.0.7 takes the access key from `AccessKeyID`, which neither ECS nor anybody else sends, so it can't sign
  // with what it gets, here or there; that it accepts the answer and reads the rest is what can be shown.
  test.skipIf(because(npm.missing))('minio-js has the session of its own wallet', async () => {
    for (const workload of Object.keys(workloads)) {
      const [command = '', ...args] = node('minio.mjs', npm.folder);
      const said = await output(command, args, { env: environment(workload), cwd: root });
      expect(said.trim()).toBe((await vended(workload)).Token);
    }
  });
});

describe('a client that speaks S3 signs with the credentials of its own wallet', () => {
  for (const client of storageClients)
    test.skipIf(because(client.missing))(client.name, { timeout: 120_000 }, async () => {
      for (const workload of Object.keys(workloads)) {
        s3.requests.length = 0;
        await start(client, workload);
        const { AccessKeyId, Token } = await vended(workload);
        expect(s3.requests).not.toHaveLength(0);
        for (const request of s3.requests)
          expect(request).toMatchObject({ accessKeyId: AccessKeyId, sessionToken: Token });
      }
    });
});
