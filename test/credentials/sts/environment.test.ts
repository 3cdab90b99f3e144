/**
 * The exchange in a process of its own whose environment is full of AWS settings. Every file that the SDK might read is
 * a FIFO without a writer: a process that opens one hangs, and the exchange with it.
 */
import { type ExecFileException, execFile, execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { workload } from '../../support/workload.ts';
import { type FakeSts, fakeSts } from './fake-sts.ts';
import { identityToken, stsConfig } from './support.ts';

const dir = mkdtempSync(join(tmpdir(), 'walletcreds-exchange-'));
const script = join(dir, 'exchange.mjs');
let sts: FakeSts;
let elsewhere: Server;
let asked = 0;
let elsewhereUrl = '';

beforeAll(async () => {
  sts = await fakeSts();
  elsewhere = createServer((_, response) => {
    asked++;
    response.writeHead(500).end();
  });
  await new Promise<void>(resolve => elsewhere.listen(0, '127.0.0.1', resolve));
  elsewhereUrl = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}`;
  await build({
    stdin: {
      contents: `
        import { createExchange } from './src/credentials/sts/create-exchange.ts';
        import { systemClock } from './src/lib/clock.ts';
        import { createLogger } from './src/lib/create-logger.ts';
        const input = JSON.parse(process.argv[2]);
        const exchange = createExchange({ ...input, clock: systemClock, log: createLogger() });
        const { accessKeyId } = await exchange.exchange(input.workload, input.token);
        process.stdout.write(accessKeyId);
        process.exit(0);`,
      resolveDir: process.cwd(),
      loader: 'ts',
    },
    outfile: script,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    banner: { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" },
  });
});

afterAll(async () => {
  await sts.close();
  await new Promise<void>(resolve => elsewhere.close(() => resolve()));
  rmSync(dir, { recursive: true, force: true });
});

function fifo(...path: string[]): string {
  const file = join(dir, ...path);
  mkdirSync(join(file, '..'), { recursive: true });
  execFileSync('mkfifo', [file]);
  return file;
}

function run(env: NodeJS.ProcessEnv): Promise<{ error: ExecFileException | null; stdout: string; stderr: string }> {
  const input = { sts: stsConfig(sts.url), region: 'eu-central-1', workload: workload(), token: identityToken() };
  return new Promise(resolve =>
    execFile(
      process.execPath,
      [script, JSON.stringify(input)],
      { env, timeout: 15_000, killSignal: 'SIGKILL' },
      (error, stdout, stderr) => resolve({ error, stdout, stderr }),
    ),
  );
}

test('AWS keys, a profile, shared files, a container or metadata endpoint and endpoint settings in the environment change nothing: the call is unsigned and goes to our endpoint', async () => {
  fifo('home', '.aws', 'config');
  fifo('home', '.aws', 'credentials');
  const { error, stdout, stderr } = await run({
    HOME: join(dir, 'home'),
    AWS_CONFIG_FILE: fifo('config'),
    AWS_SHARED_CREDENTIALS_FILE: fifo('credentials'),
    AWS_PROFILE: 'nonexistent',
    AWS_SDK_LOAD_CONFIG: '1',
    AWS_ACCESS_KEY_ID: 'AKIACANARYCANARYCANA',
    AWS_SECRET_ACCESS_KEY: 'canary-secret',
    AWS_SESSION_TOKEN: 'canary-session',
    AWS_WEB_IDENTITY_TOKEN_FILE: fifo('web-identity'),
    AWS_ROLE_ARN: 'arn:aws:iam::999999999999:role/canary',
    AWS_CONTAINER_CREDENTIALS_FULL_URI: `${elsewhereUrl}/credentials`,
    AWS_EC2_METADATA_SERVICE_ENDPOINT: elsewhereUrl,
    AWS_ENDPOINT_URL: elsewhereUrl,
    AWS_ENDPOINT_URL_STS: elsewhereUrl,
    AWS_REGION: 'mars-north-1',
    AWS_DEFAULT_REGION: 'mars-north-1',
    AWS_USE_FIPS_ENDPOINT: 'true',
    AWS_USE_DUALSTACK_ENDPOINT: 'true',
    AWS_DEFAULTS_MODE: 'auto',
    AWS_RETRY_MODE: 'nonsense',
    AWS_MAX_ATTEMPTS: 'nonsense',
    AWS_STS_REGIONAL_ENDPOINTS: 'legacy',
    AWS_AUTH_SCHEME_PREFERENCE: 'sigv4a',
    AWS_SIGV4A_SIGNING_REGION_SET: '*',
    AWS_SDK_UA_APP_ID: 'canary-app',
  });
  expect({ error, stdout }).toEqual({ error: null, stdout: 'ASIAIOSFODNN7EXAMPLE' });
  expect(asked).toBe(0);
  expect(sts.requests).toHaveLength(1);
  const headers = sts.requests[0]?.headers ?? {};
  expect(headers['authorization']).toBeUndefined();
  expect(headers['x-amz-security-token']).toBeUndefined();
  expect(JSON.stringify(headers)).not.toMatch(/canary|AKIA|Signature/i);
  expect(headers.host).toBe(new URL(sts.url).host);
  // What is said of the Node version is one line of our log, not the SDK's many.
  expect(stderr).not.toContain('NodeVersionSupportWarning');
  expect(stderr.split('\n').filter(line => line.includes('Node 22')).length).toBe(process.versions.node < '22' ? 1 : 0);
});

test('an empty environment does as well', async () => {
  const { error, stdout } = await run({});
  expect({ error, stdout }).toEqual({ error: null, stdout: 'ASIAIOSFODNN7EXAMPLE' });
});
