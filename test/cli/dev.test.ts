import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { fromHttp } from '@aws-sdk/credential-provider-http';
import { SignatureV4 } from '@smithy/signature-v4';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dev } from '../../src/cli/commands/dev/dev.ts';
import { parseDevWorkloads } from '../../src/cli/commands/dev/workloads.ts';
import { createLogger } from '../../src/lib/create-logger.ts';
import { UsageError } from '../../src/lib/errors.ts';
import { runCommand } from '../support/serve-process.ts';
import { sha256 } from '../support/sha256.ts';

const DEMO = '0x52908400098527886e0f7030069857d2e4169ee7';
const OTHER = `0x${'1'.repeat(40)}`;
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'dev-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** Four free ports in a row. */
async function freePorts(): Promise<number> {
  for (;;) {
    const first = await listenOn(0);
    const port = (first.address() as { port: number }).port;
    const taken: Server[] = [first];
    try {
      if (port > 65_532) continue;
      for (const next of [port + 1, port + 2, port + 3]) taken.push(await listenOn(next));
      return port;
    } catch {
    } finally {
      await Promise.all(taken.map(server => new Promise(done => server.close(done))));
    }
  }
}

function listenOn(port: number): Promise<Server> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}

interface Running {
  readonly lines: string[];
  stop(): Promise<void>;
}

/** Starts and waits for the last line that is printed. */
async function start(
  port: number,
  more: { workloads?: string[]; envFile?: string; stateDir?: string; policy?: string } = {},
): Promise<Running> {
  const end = new AbortController();
  const lines: string[] = [];
  let told = (): void => {};
  const ready = new Promise<void>(resolve => {
    told = resolve;
  });
  const ended = dev({
    workloads: parseDevWorkloads(more.workloads ?? []),
    port,
    writeEnv: more.envFile,
    policy: more.policy,
    stateDir: more.stateDir ?? join(dir, 'state'),
    out(line) {
      lines.push(line);
      if (line.includes('Ctrl-C')) told();
    },
    log: createLogger({ level: 'silent' }),
    signal: end.signal,
  });
  await Promise.race([ready, ended]);
  return {
    lines,
    stop() {
      end.abort();
      return ended;
    },
  };
}

const variables = (file: string): Record<string, string> =>
  Object.fromEntries(
    readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .map(line => line.split(/=(.*)/s).slice(0, 2)),
  );

const credentialsOf = (env: Record<string, string>) =>
  fromHttp({
    awsContainerCredentialsFullUri: env['AWS_CONTAINER_CREDENTIALS_FULL_URI'] ?? '',
    awsContainerAuthorizationToken: env['AWS_CONTAINER_AUTHORIZATION_TOKEN'] ?? '',
  });

/** S3's answer to a signed listing. */
async function listed(env: Record<string, string>, prefix: string): Promise<string> {
  const { protocol, hostname, host } = new URL(env['AWS_ENDPOINT_URL_S3'] ?? '');
  const signer = new SignatureV4({
    service: 's3',
    region: env['AWS_REGION'] ?? '',
    credentials: credentialsOf(env),
    sha256: sha256.Hash,
    uriEscapePath: false,
  });
  const query = { 'list-type': '2', prefix };
  const headers = { host, 'x-amz-content-sha256': sha256('') };
  const path = '/walletcreds-dev';
  const signed = await signer.sign({ method: 'GET', protocol, hostname, path, query, headers });
  return (await fetch(`${protocol}//${host}${path}?${new URLSearchParams(query)}`, signed)).text();
}

async function whoIs(env: Record<string, string>): Promise<string | undefined> {
  const sts = new STSClient({
    region: env['AWS_REGION'] ?? '',
    endpoint: env['AWS_ENDPOINT_URL_STS'] ?? '',
    credentials: credentialsOf(env),
  });
  return (await sts.send(new GetCallerIdentityCommand({}))).Arn;
}

describe('walletcreds dev', () => {
  it('leaves the .gitignore of a state folder that has other things in it, and takes no empty name for one', async () => {
    writeFileSync(join(dir, '.gitignore'), 'node_modules\n');
    const running = await start(await freePorts(), { stateDir: dir });
    await running.stop();
    expect(readFileSync(join(dir, '.gitignore'), 'utf8')).toBe('node_modules\n');
    await expect(start(await freePorts(), { stateDir: '' })).rejects.toThrow('--state-dir is empty');
  });

  it('takes an unmodified SDK from the printed exports to the wallet’s identity', async () => {
    const port = await freePorts();
    const running = await start(port);
    const exported = running.lines.filter(line => line.startsWith('export '));
    const env = Object.fromEntries(exported.map(line => line.slice(7).split('=') as [string, string]));
    expect(Object.keys(env)).toEqual([
      'AWS_CONTAINER_CREDENTIALS_FULL_URI',
      'AWS_CONTAINER_AUTHORIZATION_TOKEN',
      'AWS_REGION',
      'AWS_DEFAULT_REGION',
      'AWS_EC2_METADATA_DISABLED',
      'AWS_METADATA_ENDPOINT',
      'CPL_AWS_EC2_API_ROOT_URL',
      'AGENTKEYS_USER_WALLET',
      'AWS_ENDPOINT_URL_STS',
      'AWS_ENDPOINT_URL_S3',
      // A developer's own keys come first in every SDK.
      'AWS_SHARED_CREDENTIALS_FILE',
      'CPL_AWS_CREDENTIALS_FILE',
      'AWS_CONFIG_FILE',
    ]);
    expect(env['AWS_CONTAINER_CREDENTIALS_FULL_URI']).toBe(`http://127.0.0.1:${port}/v1/credentials`);
    expect(await whoIs(env)).toBe(
      'arn:aws:sts::000000000000:assumed-role/walletcreds-dev/0x52908400098527886e0f7030069857d2e4169ee7@demo',
    );
    expect(running.lines).toContain('aws sts get-caller-identity');
    expect(running.lines.join('\n')).toContain(`--endpoint-url http://127.0.0.1:${port + 1}`);
    expect(running.lines.join('\n')).toContain(`http://127.0.0.1:${port + 2}/`);
    await running.stop();
    await expect(listenOn(port).then(server => server.close())).resolves.toBeDefined();
  });

  it('writes env files once ready, for their owner alone: the first workload’s and the others’', async () => {
    const port = await freePorts();
    const envFile = join(dir, 'my.env');
    writeFileSync(envFile, 'STALE=1\n');
    const workloads = ['a=0x52908400098527886e0f7030069857d2e4169ee7', `b=${OTHER}`];
    const running = await start(port, { workloads, envFile });
    expect(statSync(envFile).mode & 0o777).toBe(0o600);
    expect(readdirSync(dir).sort()).toEqual(['my.env', 'my.env.b', 'state']);
    expect(await whoIs(variables(envFile))).toMatch(/@a$/);
    expect(await whoIs(variables(`${envFile}.b`))).toMatch(new RegExp(`${OTHER}@b$`));
    await running.stop();
  });

  it('uses key and tokens again at the next start, and keeps them out of a repository', async () => {
    const port = await freePorts();
    const envFile = join(dir, 'my.env');
    await (await start(port, { envFile })).stop();
    const before = [readFileSync(envFile, 'utf8'), readdirSync(join(dir, 'state/keys'))];
    await (await start(port, { envFile })).stop();
    expect([readFileSync(envFile, 'utf8'), readdirSync(join(dir, 'state/keys'))]).toEqual(before);
    expect(readFileSync(join(dir, 'state/.gitignore'), 'utf8')).toBe('*\n');
  });

  it.each([
    [0, 'endpoint'],
    [1, 'issuer and STS'],
    [2, 'admin'],
    [3, 'S3'],
  ])('says in one line that port N+%i (%s) is taken, and leaves what is running alone', async (offset, what) => {
    const port = await freePorts();
    const envFile = join(dir, 'my.env');
    writeFileSync(envFile, 'ANOTHER=1\n');
    const blocker = await listenOn(port + offset);
    const failure = await start(port, { envFile }).catch((error: Error) => error);
    blocker.close();
    expect(failure).toMatchObject({
      message: `port ${port + offset} (${what}) is in use by another program; choose four free ones in a row with --port N`,
    });
    expect(readFileSync(envFile, 'utf8')).toBe('ANOTHER=1\n');
    // Nothing of it stays open: the next start finds its ports free.
    await (await start(port)).stop();
  });

  it('writes a configuration that the other commands work with, and that serve refuses by name', async () => {
    const running = await start(await freePorts(), { workloads: [`a=${DEMO}`, `b=${OTHER}`] });
    const config = join(dir, 'state/walletcreds.yaml');
    expect(statSync(config).mode & 0o777).toBe(0o600);
    expect(running.lines).toContain(`#   export WALLETCREDS_CONFIG=${config}`);
    const run = (...args: string[]) => runCommand(args, dir, { WALLETCREDS_CONFIG: config });
    const printed = running.lines.find(line => line.includes('walletcreds verify ')) ?? '';
    const verified = await run(...printed.replace(/^# +walletcreds /, '').split(' '));
    expect(verified, verified.stdout + verified.stderr).toMatchObject({ code: 0 });
    expect(verified.stdout).toContain(`isolation proven for ${DEMO}: 17 of 17 passed\n`);
    const [env, credentials, list, doctor, serve] = await Promise.all([
      run('env', 'a'),
      run('credentials', 'a', '--format', 'process'),
      run('audit', 'list'),
      run('doctor'),
      run('serve'),
    ]);
    expect(env.stdout, env.stderr).toContain('AWS_CONTAINER_CREDENTIALS_FULL_URI=');
    expect(JSON.parse(credentials.stdout), credentials.stderr).toMatchObject({ Version: 1 });
    expect(list.stdout, list.stderr).toContain(DEMO);
    expect(doctor.code, doctor.stdout).toBe(0);
    expect([serve.code, serve.stderr]).toEqual([
      2,
      expect.stringMatching(/walletcreds\.yaml:2:6 dev: only `walletcreds dev` runs this configuration/),
    ]);
    const exec = await run('exec', 'b', '--', 'node', '-p', 'process.env.AWS_ENDPOINT_URL_STS');
    expect(exec.stdout.trim(), exec.stderr).toBe(variables(join(dir, 'state/env/b.env'))['AWS_ENDPOINT_URL_STS']);
    await running.stop();
  }, 60_000);

  it('with a broad policy is broken, says verify', async () => {
    const statement = { Effect: 'Allow', Action: 's3:*', Resource: '*' };
    const policy = JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
    const running = await start(await freePorts(), { policy });
    const s3 = variables(join(dir, 'state/env/demo.env'))['AWS_ENDPOINT_URL_S3'] ?? '';
    const args = ['verify', 'demo', '--bucket', 'walletcreds-dev', '--prefix', 'bots/', '--config'];
    const verified = await runCommand([...args, 'state/walletcreds.yaml'], dir, { AWS_ENDPOINT_URL_S3: s3 });
    expect(verified, verified.stderr).toMatchObject({ code: 3 });
    expect(verified.stdout).toContain('✗ LIST bots/0xdeadbeef/: allowed (1 object) with each of 16 ways to ask');
    await running.stop();
  }, 60_000);

  it('reads no walletcreds.yaml and no AWS settings', async () => {
    const port = await freePorts();
    process.env['AWS_ENDPOINT_URL_STS'] = 'http://127.0.0.1:9';
    process.env['AWS_ROLE_ARN'] = 'arn:aws:iam::123456789012:role/other';
    try {
      const running = await start(port, { envFile: join(dir, 'my.env') });
      expect(variables(join(dir, 'my.env'))['AWS_ENDPOINT_URL_STS']).toBe(`http://127.0.0.1:${port + 1}`);
      await running.stop();
    } finally {
      delete process.env['AWS_ENDPOINT_URL_STS'];
      delete process.env['AWS_ROLE_ARN'];
    }
  });

  it('refuses what can’t work before it opens anything', async () => {
    await expect(start(65_534)).rejects.toThrow(UsageError);
    await expect(start(9110, { envFile: join(dir, 'no/such/x.env') })).rejects.toThrow(/no folder/);
    writeFileSync(join(dir, 'file'), '');
    await expect(start(9110, { stateDir: join(dir, 'file/x') })).rejects.toThrow(/--state-dir .* can't be written/);
    mkdirSync(join(dir, 'keep'));
    expect(existsSync(join(dir, 'no'))).toBe(false);
  });

  it('refuses a foreign Host on the issuer’s port', async () => {
    const port = await freePorts();
    const running = await start(port);
    const { request } = await import('node:http');
    const status = await new Promise(resolve => {
      const url = `http://127.0.0.1:${port + 1}/.well-known/jwks.json`;
      request(url, { headers: { host: 'evil.example' } }, answer => resolve(answer.resume().statusCode)).end();
    });
    expect(status).toBe(403);
    await running.stop();
  });

  it('has an S3 that a policy of one’s own opens, and refuses a policy that IAM would refuse', async () => {
    const statement = { Effect: 'Allow', Action: 's3:*', Resource: '*' };
    const policy = JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
    const envFile = join(dir, 'my.env');
    const running = await start(await freePorts(), { policy, envFile });
    expect(await listed(variables(envFile), 'bots/0xdeadbeef/')).toContain('<Key>bots/0xdeadbeef/secret.txt</Key>');
    await running.stop();
    await expect(start(await freePorts(), { policy: '{}' })).rejects.toThrow('the policy of arn:aws:iam::000000000000');
  });
});
