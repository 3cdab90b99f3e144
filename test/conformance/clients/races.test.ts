/**
 * Start-up races: what each real client does when it is started a second before walletcreds, at the same time, and once
 * its health check passes, STS being slow by 3 s.
 *
 * What is promised is the last: it is how the recipes start an app, and there every client ends with credentials. The two
 * others are measured for the table in docs/clients.md: WALLETCREDS_RACES=1 npx vitest run test/conformance/clients/races
 *
 * @module
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Chain, type Serving, startChain, startServe } from '../../support/chain.ts';
import { because, debian, goProgram, npmClients } from '../../support/clients.ts';
import { bin, cleanEnv, root, run } from '../../support/process.ts';
import { type S3Recorder, startS3Recorder } from '../../support/s3-recorder.ts';

const WALLET = '0x52908400098527886e0f7030069857d2e4169ee7';
const STS_TAKES = 3_000;
const programs = fileURLToPath(new URL('programs', import.meta.url));
const npm = await npmClients();
const measuring = process.env['WALLETCREDS_RACES'] === '1';

type Moment = 'a second before' | 'at the same time' | 'once healthy';
interface Outcome {
  readonly ok: boolean;
  /** Seconds from the client's start to its end. */
  readonly seconds: number;
  readonly said: string;
}

let chain: Chain;
let s3: S3Recorder;
const token = randomBytes(32).toString('hex');
beforeAll(async () => {
  [chain, s3] = await Promise.all([startChain({ latencyMs: STS_TAKES }), startS3Recorder()]);
  chain.write('walletcreds.yaml', chain.yaml({ a: WALLET }));
  chain.write('tokens/a', token);
});
afterAll(async () => {
  await chain?.close();
  await s3?.close();
});

interface Client {
  readonly name: string;
  readonly missing: string | undefined;
  readonly command: () => Promise<readonly string[]> | readonly string[];
  readonly env?: Record<string, string | undefined>;
  /** Its own at S3; absent for one that asks STS who it is, which tells by itself. */
  readonly bucket?: string;
}
const node = (program: string, ...args: string[]) => [process.execPath, join(programs, program), ...args];
const clients: readonly Client[] = [
  { name: 'AWS SDK for JavaScript v3', missing: undefined, command: () => node('sdk-v3.mjs') },
  { name: 'AWS SDK for JavaScript v2', missing: npm.missing, command: () => node('sdk-v2.mjs', npm.folder) },
  { name: 'aws-crt', missing: npm.missing, command: () => node('crt.mjs', npm.folder) },
  {
    name: 'LanceDB (AWS SDK for Rust)',
    missing: npm.missing,
    command: () => node('lancedb.mjs', npm.folder, s3.url, 'lancedb'),
    bucket: 'lancedb',
  },
  {
    name: 'AWS CLI',
    missing: debian('awscli'),
    command: () => ['/usr/bin/aws', '--endpoint-url', chain.sts.url, 'sts', 'get-caller-identity'],
  },
  {
    name: 'boto3',
    missing: debian('python3-boto3'),
    command: () => ['/usr/bin/python3', join(programs, 'boto3_sts.py')],
  },
  {
    name: 'AWS SDK for Go v1',
    missing: debian('golang-go', 'golang-github-aws-aws-sdk-go-dev'),
    command: async () => [await goProgram(join(programs, 'go-v1'), chain.folder)],
  },
  {
    name: 'AWS SDK for Go v2',
    missing: debian('golang-go', 'golang-github-aws-aws-sdk-go-v2-dev'),
    command: async () => [await goProgram(join(programs, 'go-v2'), chain.folder)],
  },
  {
    name: 'rclone',
    missing: debian('rclone'),
    command: () => [
      '/usr/bin/rclone',
      'lsf',
      '--retries',
      '1',
      `:s3,provider=Other,env_auth=true,endpoint="${s3.url}",region=us-east-1:rclone`,
    ],
    bucket: 'rclone',
  },
  {
    name: 'restic',
    missing: debian('restic'),
    command: () => ['/usr/bin/restic', '--no-cache', '-r', `s3:${s3.url}/restic`, 'init'],
    bucket: 'restic',
    env: { RESTIC_PASSWORD: 'of a test' },
  },
];

async function start(client: Client): Promise<Outcome> {
  const [command = '', ...args] = await client.command();
  const began = performance.now();
  const variables = {
    AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://127.0.0.1:${chain.port}/v1/credentials`,
    AWS_CONTAINER_AUTHORIZATION_TOKEN: token,
    AWS_REGION: 'us-east-1',
    AWS_DEFAULT_REGION: 'us-east-1',
    AWS_ENDPOINT_URL_STS: chain.sts.url,
    ...client.env,
  };
  const given = Object.entries(variables).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const env = cleanEnv(join(chain.folder, 'home'), Object.fromEntries(given));
  const { code, stderr } = await run(command, args, { cwd: root, timeout: 60_000, env });
  const said =
    stderr
      .split('\n')
      .filter(line => /rror|nable|redential/.test(line))
      .at(-1) ?? '';
  // One that finds none may try without credentials, or not at all, and a store that lets it would hide that.
  const own = s3.requests.filter(({ path }) => path.split(/[/?]/)[1] === client.bucket);
  const signed = own.filter(({ accessKeyId }) =>
    chain.sts.sessions.get(accessKeyId ?? '')?.sessionName.includes(WALLET),
  );
  const used = client.bucket === undefined || (own.length > 0 && signed.length === own.length);
  return { ok: code === 0 && used, seconds: (performance.now() - began) / 1000, said };
}

/** Until `walletcreds healthcheck` says so, as the engine asks. */
async function healthy(): Promise<void> {
  const command = ['--', bin, 'healthcheck', '--url', `http://127.0.0.1:${chain.port + 2}`];
  while ((await run(process.execPath, command, { env: cleanEnv(chain.folder) })).code !== 0);
}

async function race(client: Client, moment: Moment): Promise<Outcome> {
  s3.requests.length = 0;
  let serving: Serving | undefined;
  const serve = () => {
    serving = startServe(chain);
  };
  try {
    if (moment === 'a second before') {
      const outcome = start(client);
      await new Promise(resolve => setTimeout(() => resolve(serve()), 1_000));
      return await outcome;
    }
    serve();
    if (moment === 'once healthy') await healthy();
    return await start(client);
  } finally {
    serving?.child.kill('SIGTERM');
    await serving?.exited;
  }
}

describe('with STS slow by 3 s', () => {
  let serving: Serving | undefined;
  beforeAll(async () => {
    serving = startServe(chain);
    await healthy();
  });
  afterAll(async () => {
    serving?.child.kill('SIGTERM');
    await serving?.exited;
  });

  describe('an app that starts once walletcreds is healthy ends with credentials', () => {
    for (const client of clients)
      test.skipIf(because(client.missing)).concurrent(client.name, { timeout: 300_000 }, async () => {
        expect(await start(client)).toMatchObject({ ok: true });
      });
  });
});

// For the documentation, not for the suite: it takes minutes.
if (measuring)
  test('the table', { timeout: 900_000 }, async () => {
    const rows: string[] = [];
    for (const client of clients.filter(({ missing }) => missing === undefined)) {
      const cells: string[] = [];
      for (const moment of ['a second before', 'at the same time', 'once healthy'] as const) {
        const { ok, seconds, said } = await race(client, moment);
        cells.push(`${ok ? 'credentials' : 'gives up'} after ${seconds.toFixed(1)} s`);
        if (!ok) process.stderr.write(`${client.name}, ${moment}: ${said}\n`);
      }
      const file = {
        AWS_CONTAINER_AUTHORIZATION_TOKEN: undefined,
        AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: join(chain.folder, 'tokens/a'),
      };
      const byFile = await race({ ...client, env: { ...client.env, ...file } }, 'once healthy');
      cells.push(byFile.ok ? 'reads it' : 'ignores it');
      rows.push(`| ${[client.name, ...cells].join(' | ')} |`);
    }
    process.stdout.write(`${rows.join('\n')}\n`);
  });
