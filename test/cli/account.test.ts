/**
 * The commands `aws-setup`, `doctor` and `verify`: a configuration file in, lines and an exit status out.
 *
 * @module
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { awsSetup } from '../../src/cli/commands/aws-setup.ts';
import { doctor } from '../../src/cli/commands/doctor.ts';
import { type VerifyFlags, verify } from '../../src/cli/commands/verify.ts';
import { UsageError } from '../../src/lib/errors.ts';
import { codeUrl } from '../../src/package.ts';
import { type Mock, s3Mock } from '../aws/s3-mock.ts';
import { WALLET_A, WALLET_B } from '../aws/support.ts';

const folder = mkdtempSync(join(tmpdir(), 'walletcreds-account-'));
const config = join(folder, 'walletcreds.yaml');
let mock: Mock | undefined;
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => mock?.close());

beforeAll(() => {
  writeFileSync(
    config,
    `region: us-east-1
role_arn: arn:aws:iam::123456789012:role/agentkeys-data-role
identity_token: { signer: { issuer: "https://oidc.example.com", keys_dir: keys } }
workloads: { scraper-a: { wallet: "${WALLET_A}", token_file: tokens/a } }
`,
  );
});

function io() {
  const lines: string[] = [];
  return {
    io: { env: {}, out: (line: string) => void lines.push(line), warn: () => undefined },
    text: () => lines.join('\n'),
  };
}

describe('aws-setup', () => {
  test.each([
    ['cli', /^#!\/bin\/sh/],
    ['cloudformation', /^AWSTemplateFormatVersion/],
    ['terraform', /^resource "aws_iam_role"/m],
  ] as const)('prints %s, before there is a key or a token', async (format, expected) => {
    const { io: to, text } = io();
    expect(await awsSetup({ config, format, bucket: 'data' }, to)).toBe(0);
    expect(text()).toMatch(expected);
  });
  test('--only bucket-policy prints that document alone', async () => {
    const { io: to, text } = io();
    expect(await awsSetup({ config, format: 'cli', bucket: 'data', only: 'bucket-policy' }, to)).toBe(0);
    const { Version, Statement } = JSON.parse(text());
    expect(Version).toBe('2012-10-17');
    expect(Statement).toHaveLength(4);
    expect(Statement[0]).toMatchObject({ Sid: 'WalletcredsOwnFolderOnly', Effect: 'Deny' });
  });
  test.each(['cli', 'cloudformation', 'terraform'] as const)(
    '--revoke by %s says that what holds the ended session must be restarted',
    async format => {
      const { io: to, text } = io();
      await awsSetup({ config, format, revoke: WALLET_A }, to);
      const comments = text().replace(/\n\s*#?\s*/g, ' ');
      expect(comments).toMatch(/goes on vending its cached session: restart every one .*, then the workloads/);
    },
  );
  test('--revoke needs no bucket, everything else does', async () => {
    const { io: to, text } = io();
    expect(await awsSetup({ config, format: 'cli', revoke: WALLET_A }, to)).toBe(0);
    expect(text()).toContain('aws:TokenIssueTime');
    await expect(awsSetup({ config, format: 'cli' }, to)).rejects.toThrow(UsageError);
    await expect(awsSetup({ config, format: 'terraform', dialect: 'ceph', bucket: 'data' }, to)).rejects.toThrow(
      /--format cli/,
    );
  });
});

describe('doctor', () => {
  test('says what, where, why, the fix and the link, and exits with 1 on an error', async () => {
    const { io: to, text } = io();
    expect(await doctor({ config, offline: true }, to)).toBe(1);
    expect(text()).toContain('✗ error keys-unusable');
    expect(text()).toContain(`see:  ${codeUrl('keys-unusable')}`);
  });
  test('--json is an object with findings', async () => {
    const { io: to, text } = io();
    expect(await doctor({ config: join(folder, 'none.yaml'), offline: true, json: true }, to)).toBe(1);
    expect(JSON.parse(text())).toMatchObject({
      ok: false,
      checks: expect.arrayContaining([expect.objectContaining({ status: 'not checked' })]),
      findings: [{ severity: 'error', code: 'config-invalid', fix: expect.any(String) }],
    });
  });
  test('whatever stops serve is an error: a token file that ends in a newline', async () => {
    mkdirSync(join(folder, 'tokens'), { mode: 0o700, recursive: true });
    const token = join(folder, 'tokens/newline');
    writeFileSync(token, `${'f0e1d2c3b4a59687'.repeat(4)}\n`, { mode: 0o600 });
    const file = join(folder, 'newline.yaml');
    writeFileSync(file, readFileSync(config, 'utf8').replace('tokens/a', 'tokens/newline'));
    const { io: to, text } = io();
    expect(await doctor({ config: file, offline: true, json: true }, to)).toBe(1);
    const { findings } = JSON.parse(text()) as { findings: { code: string; what: string }[] };
    expect(findings.filter(f => f.code === 'config-invalid')).toMatchObject([{ what: expect.stringContaining(token) }]);
  });
});

describe('doctor, of many workloads', () => {
  const many = join(folder, 'many.yaml');
  test('explains once what is wrong with each of them in one way, and lists ten', async () => {
    const workloads = Array.from({ length: 300 }, (_, i) => {
      const wallet = `0x${i.toString(16).padStart(40, '0')}`;
      return `  w${i}: { wallet: "${wallet}", token_file: tokens/none-${i} }`;
    });
    writeFileSync(many, readFileSync(config, 'utf8').replace(/^workloads.*/m, `workloads:\n${workloads.join('\n')}`));
    const { io: to, text } = io();
    await doctor({ config: many, offline: true }, to);
    expect(text().split('\n').length).toBeLessThan(50);
    expect(text().match(/tokens\/none-\d+/g)).toHaveLength(10);
    expect(text()).toContain('… and 290 more; --json has them all');
    expect(text()).toMatch(/^! warning config-warning$/m);
    expect(text()).toContain('300 warnings');
    const { io: all, text: json } = io();
    await doctor({ config: many, offline: true, json: true }, all);
    expect(json().match(/token file \S+none-\d+/g)).toHaveLength(300);
  });
});

describe('what doctor and verify print', () => {
  test('holds no secret, not even where the called server sends everything back', async () => {
    const secrets = {
      key: 'CANARYsecretAccessKey0000000000000000000',
      session: 'CANARYsessionToken+/==/00000000000000000',
      token: 'CANARYtoken-0a1b2c3d4e5f60718293a4b5c6d7',
      database: 'CANARYdatabase',
      app: 'CANARYapplication00000000000000000000000',
    };
    mkdirSync(join(folder, 'tokens'), { mode: 0o700, recursive: true });
    writeFileSync(join(folder, 'tokens/a'), secrets.token, { mode: 0o600 });
    const file = join(folder, 'secrets.yaml');
    const echo = createServer(async (request, response) => {
      let body = '';
      for await (const part of request) body += part;
      const said = `${JSON.stringify(request.headers)} ${body}`.replaceAll('<', '');
      response
        .writeHead(403)
        .end(`<ErrorResponse><Error><Code>No</Code><Message>${said}</Message></Error></ErrorResponse>`);
    });
    await new Promise<void>(resolve => echo.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(echo.address() as AddressInfo).port}`;
    writeFileSync(
      file,
      `${readFileSync(config, 'utf8')}sts: { endpoint: "${url}" }\naudit: { database: "postgres://u:${secrets.database}@127.0.0.1/x" }\n`,
    );
    const envFile = join(folder, 'app.env');
    writeFileSync(envFile, `AWS_SECRET_ACCESS_KEY=${secrets.app}\nAWS_CONTAINER_AUTHORIZATION_TOKEN=${secrets.app}\n`);
    const { io: to, text } = io();
    const env = {
      AWS_ACCESS_KEY_ID: 'AKIAADMIN',
      AWS_SECRET_ACCESS_KEY: secrets.key,
      AWS_SESSION_TOKEN: secrets.session,
      AWS_ENDPOINT_URL_IAM: url,
      AWS_ENDPOINT_URL_S3: url,
    };
    for (const json of [false, true]) {
      await doctor({ config: file, appEnv: envFile, account: true, json }, { ...to, env });
    }
    const getCredentials = async () => ({
      accessKeyId: 'ASIA',
      secretAccessKey: secrets.key,
      sessionToken: secrets.session,
    });
    for (const json of [false, true]) {
      await verify(
        'scraper-a',
        { config: file, via: 'exchange', bucket: 'data', endpointUrl: url, json, getCredentials },
        { ...to, env },
      );
    }
    echo.close();
    expect(text()).toContain('account-refused');
    expect(text()).toContain('x-amz-security-token');
    expect(text()).not.toContain('CANARY');
  });
});

describe('verify', () => {
  const run = async (
    open: boolean,
    more: Partial<VerifyFlags> = {},
    env: Record<string, string> | ((url: string) => Record<string, string>) = {},
  ) => {
    mock = await s3Mock({
      allow: (key, _, at) => open || at?.startsWith(`${key === 'ASIAB' ? WALLET_B : WALLET_A}/`) === true,
      objects: [`${WALLET_A}/x`, `${WALLET_B}/y`],
    });
    const { io: to, text } = io();
    const getCredentials = async (workload: string) => ({
      accessKeyId: workload === 'scraper-b' ? 'ASIAB' : 'ASIA',
      secretAccessKey: 's',
      sessionToken: 't',
    });
    const fromEnv = typeof env === 'function';
    const endpoint = fromEnv ? {} : { endpointUrl: mock.url };
    const code = await verify(
      'scraper-a',
      { config, bucket: 'data', via: 'exchange', getCredentials, ...endpoint, ...more },
      { ...to, env: fromEnv ? env(mock.url) : env },
    );
    return { code, text: text() };
  };
  test('tells each step with a tick, and says what it could not check', async () => {
    const { code, text } = await run(false);
    expect(code).toBe(0);
    expect(text).toContain(`✓ GET ${WALLET_A}/x: allowed\n`);
    expect(text).toContain('✓ LIST 0xdeadbeef/: AccessDenied, asked in 16 ways\n');
    expect(text).toContain(
      '– AssumeRole with a token without the wallet tag: not checked: no signing key is readable here\n',
    );
    expect(text).toContain(
      '– GET a foreign object that exists: not checked: none is known: no other workload is configured; name one with --foreign-key\n',
    );
    expect(text).toContain(
      `isolation proven for ${WALLET_A}: 14 of 14 passed; not checked: GET a foreign object that exists; AssumeRole with a token without the wallet tag`,
    );
    expect(text).not.toContain('\u001b');
  });
  test('an object that another workload reads must be refused', async () => {
    const two = join(folder, 'two.yaml');
    const more = `{ scraper-b: { wallet: "${WALLET_B}" }, scraper-a:`;
    writeFileSync(two, readFileSync(config, 'utf8').replace('{ scraper-a:', more));
    const { code, text } = await run(false, { config: two, json: true });
    expect(code, text).toBe(0);
    const { steps, notChecked } = JSON.parse(text);
    expect(steps).toContainEqual({
      id: 'get-known',
      title: `GET ${WALLET_B}/y, read by scraper-b`,
      must: 'AccessDenied',
      outcome: 'ok',
      detail: 'AccessDenied',
      symptom: '',
    });
    expect(notChecked).toEqual(['AssumeRole with a token without the wallet tag']);
  });
  test('--foreign-key names objects that must be refused, and nothing of the own folder', async () => {
    const { text } = await run(false, { foreignKey: [`${WALLET_B}/y`, '0xdeadbeef/z'] });
    expect(text.match(/^✓ GET \S+, named by --foreign-key: AccessDenied$/gm)).toHaveLength(2);
    await mock?.close();
    for (const key of ['', '/y', `${WALLET_A}/x`]) {
      await expect(run(false, { foreignKey: [key] })).rejects.toThrow(/--foreign-key/);
      await mock?.close();
    }
  });
  test('a configuration whose other workloads are out of reach proves its own all the same', async () => {
    const bad = join(folder, 'bad.yaml');
    writeFileSync(
      bad,
      readFileSync(config, 'utf8').replace(
        '{ scraper-a:',
        `{ scraper-b: { wallet: "${WALLET_B}", session_policy_file: gone.json }, scraper-a:`,
      ),
    );
    const { code, text } = await run(false, { config: bad });
    expect(code, text).toBe(0);
    expect(text).toMatch(/not checked: none is known: .*gone.json/);
  });
  test('a check that failed says what happened, what must happen, and how many failed', async () => {
    const { code, text } = await run(true);
    expect(code).toBe(3);
    expect(text).toContain(
      '✗ LIST 0xdeadbeef/: allowed (0 objects) with each of 16 ways to ask, must be AccessDenied\n',
    );
    expect(text).toMatch(new RegExp(`^isolation broken for ${WALLET_A}: \\d+ of 14 failed$`, 'm'));
  });
  test('a terminal gets colours, unless NO_COLOR is set', async () => {
    const was = Object.getOwnPropertyDescriptor(process.stdout, 'isTTY');
    Object.defineProperty(process.stdout, 'isTTY', { value: true, configurable: true });
    onTestFinished(() => {
      if (was === undefined) delete (process.stdout as { isTTY?: boolean }).isTTY;
      else Object.defineProperty(process.stdout, 'isTTY', was);
    });
    const { text } = await run(true);
    expect(text).toContain('\u001b[31m✗ LIST 0xdeadbeef/: allowed');
    expect(text).toContain(`\u001b[32m✓\u001b[0m LIST ${WALLET_A}/: allowed`);
    await mock?.close();
    expect((await run(true, {}, { NO_COLOR: '1' })).text).not.toContain('\u001b');
  });
  test('AWS_ENDPOINT_URL_S3 leads to another S3 than AWS’s, and the output says so', async () => {
    const { code, text } = await run(false, {}, url => ({ AWS_ENDPOINT_URL_S3: url }));
    expect(code, text).toBe(0);
    expect(text).toMatch(/^S3 is http:\/\/127\.0\.0\.1:\d+, from AWS_ENDPOINT_URL_S3$/m);
    await mock?.close();
    await expect(run(false, {}, () => ({ AWS_ENDPOINT_URL_S3: 'no' }))).rejects.toThrow(/AWS_ENDPOINT_URL_S3/);
  });
  test('a broken isolation is exit 3, as JSON too', async () => {
    const { code, text } = await run(true, { json: true });
    expect(code).toBe(3);
    expect(JSON.parse(text)).toMatchObject({ verdict: 'isolation-broken', exitCode: 3, workload: 'scraper-a' });
  });
  test("the wallet's own folder is taken for a prefix, in any case, and refused as a foreign one", async () => {
    for (const prefix of [`${WALLET_A}/`, `0x${WALLET_A.slice(2).toUpperCase()}`]) {
      expect((await run(false, { prefix })).code, prefix).toBe(0);
      await mock?.close();
    }
    await expect(run(false, { foreign: `${WALLET_A}/below/` })).rejects.toThrow(/--foreign/);
    await mock?.close();
    await expect(run(false, { foreign: '' })).rejects.toThrow(/--foreign/);
  });
});
