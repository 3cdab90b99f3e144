/**
 * `credentials` as people run it, from STS and from a running endpoint, and both verbs in a shell of one workload.
 *
 * @module
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Chain, startServe, tokenOf } from '../support/chain.ts';
import { because, debian } from '../support/clients.ts';
import { bin, run } from '../support/process.ts';
import { fetching, node, OTHER, programsOf, startTwoWorkloads, WALLET } from './two-workloads.ts';

let chain: Chain;
beforeAll(async () => {
  chain = await startTwoWorkloads();
});
afterAll(() => chain?.close());
const { env, walletcreds, environmentOf, walletOf } = programsOf(() => chain);

describe('credentials', () => {
  test('prints each format that its reader wants, by an exchange that is in the audit log', async () => {
    const json = JSON.parse((await walletcreds(['credentials', 'a'])).stdout) as Record<string, string>;
    expect(walletOf(json['AccessKeyId'])).toBe(WALLET);
    const process_ = JSON.parse((await walletcreds(['credentials', 'a', '--format', 'process'])).stdout) as Record<
      string,
      unknown
    >;
    expect(Object.keys(process_)).toEqual(['Version', 'AccessKeyId', 'SecretAccessKey', 'SessionToken', 'Expiration']);
    expect(process_).toMatchObject({ Version: 1, Expiration: expect.stringMatching(/Z$/) });
    const lines = (await walletcreds(['credentials', 'a', '--format', 'env'])).stdout.trim().split('\n');
    const shown = await run('/bin/sh', ['-c', `${lines.join('\n')}\nprintf %s "$AWS_ACCESS_KEY_ID"`], { env: env() });
    expect(walletOf(shown.stdout)).toBe(WALLET);
    const auditLog = await walletcreds(['audit', 'list', '--json']);
    expect(auditLog.stdout).toContain(String(json['AccessKeyId']));
    expect(auditLog.stdout).not.toContain(String(json['SecretAccessKey']));
  });

  test.skipIf(because(debian('awscli')))('serves a profile’s credential_process of a real AWS CLI', async () => {
    const command = `${process.execPath} -- ${bin} credentials b --format process --config ${join(chain.folder, 'walletcreds.yaml')}`;
    chain.write('home/.aws/config', `[profile scraper]\nregion = us-east-1\ncredential_process = ${command}\n`);
    const cli = [
      '--profile',
      'scraper',
      '--endpoint-url',
      chain.sts.url,
      'sts',
      'get-caller-identity',
      '--query',
      'Arn',
      '--output',
      'text',
    ];
    const { code, stdout, stderr } = await run('/usr/bin/aws', cli, { env: env(), cwd: '/' });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(OTHER);
  });

  test('a refusal is one line and exit status 1, with nothing on stdout for a profile to take', async () => {
    chain.sts.fail({ code: 'AccessDenied', status: 403, times: Number.POSITIVE_INFINITY });
    const refused = await walletcreds(['credentials', 'a', '--format', 'process'], { WALLETCREDS_LOG_LEVEL: 'silent' });
    chain.sts.fail({ code: 'AccessDenied', times: 0 });
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr.trim().split('\n')).toHaveLength(1);
  });
});

describe('a shell that has one workload’s variables and no others', () => {
  const others = `
  c: { wallet: "\${env:C_WALLET}", token_env: C_TOKEN }
  d: { wallet: "${OTHER}", session_policy_file: not-mounted-here.json }
callers: { jwt: [{ issuer: "https://i.example", audience: x, listeners: [endpoint], jwks: { url: "https://i.example/k", ca_file: none.pem }, subjects: { s: c } }] }
broker: { listen: "127.0.0.1:1", tls: { cert_file: none.crt, key_file: none.key } }`;

  test('is enough for exec, credentials and env; serve needs them all and says which', async () => {
    chain.write('some.yaml', chain.yaml({ a: WALLET }, others));
    const config = ['--config', 'some.yaml'];
    expect(walletOf((await environmentOf(['exec', 'a', '--static-env', ...config]))['AWS_ACCESS_KEY_ID'])).toBe(WALLET);
    const ran = await walletcreds(['exec', 'a', ...config, '--', ...node(fetching)]);
    expect(ran).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/^200 /) });
    const printed = await walletcreds(['credentials', 'a', ...config]);
    expect(walletOf((JSON.parse(printed.stdout) as { AccessKeyId: string }).AccessKeyId)).toBe(WALLET);
    expect((await walletcreds(['env', 'a', ...config])).stdout).toContain(`TOKEN=${tokenOf(chain, 'a')}\n`);
    const served = await walletcreds(['serve', ...config]);
    expect(served.code).toBe(2);
    for (const part of ['c.wallet: the variable C_WALLET is not set', 'd.session_policy_file: ', 'tls.cert_file: '])
      expect(served.stderr).toContain(part);
  });

  test('is not enough for another workload: its own policy and wallet are never done without', async () => {
    for (const [name, part] of [
      ['c', 'workloads.c.wallet: the variable C_WALLET is not set'],
      ['d', 'workloads.d.session_policy_file: the session policy'],
    ] as const) {
      const { code, stdout, stderr } = await walletcreds(['credentials', name, '--config', 'some.yaml']);
      expect({ code, stdout, lines: stderr.trim().split('\n').length }).toEqual({ code: 2, stdout: '', lines: 1 });
      expect(stderr).toContain(part);
    }
  });
});

describe('--endpoint', () => {
  test('asks a running serve, as that workload, instead of STS', async () => {
    const serving = startServe(chain);
    await serving.said('serving');
    try {
      const url = `http://127.0.0.1:${chain.port}`;
      const json = JSON.parse((await walletcreds(['credentials', 'b', '--endpoint', url])).stdout) as Record<
        string,
        string
      >;
      expect(walletOf(json['AccessKeyId'])).toBe(OTHER);
      const calls = chain.sts.calls.length;
      const ran = await walletcreds(['exec', 'b', '--endpoint', url, '--', ...node(fetching)]);
      expect((JSON.parse(ran.stdout.slice(4)) as { AccessKeyId: string }).AccessKeyId).toBe(json['AccessKeyId']);
      const keys = await walletcreds([
        'exec',
        'b',
        '--static-env',
        '--endpoint',
        url,
        '--',
        ...node('console.log(process.env.AWS_ACCESS_KEY_ID)'),
      ]);
      expect(keys.stdout.trim()).toBe(json['AccessKeyId']);
      expect(chain.sts.calls.length).toBe(calls);
    } finally {
      serving.child.kill('SIGTERM');
      await serving.exited;
    }
  });

  test('asks again while the endpoint says "not now", and gives up in one line where it never changes', async () => {
    const answers = [503, 200];
    const server = createServer((_, response) => {
      const status = answers.shift() ?? 503;
      const body = {
        code: 'CredentialsUninitialized',
        message: 'not yet',
        AccessKeyId: 'ASIAX',
        SecretAccessKey: 's',
        Token: 't',
        Expiration: '2099-01-01T00:00:00Z',
        RoleArn: 'r',
      };
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
    await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const good = await walletcreds(['credentials', 'a', '--endpoint', url]);
    expect(good).toMatchObject({ code: 0, stdout: expect.stringContaining('ASIAX') });
    const bad = await walletcreds(['credentials', 'a', '--endpoint', url]);
    expect(bad).toMatchObject({
      code: 1,
      stdout: '',
      stderr: `walletcreds: ${url} answered 503: not yet (CredentialsUninitialized)\n`,
    });
    server.close();
  });

  test('the words of another program come out as plain text on one line', async () => {
    const server = createServer((_, response) => {
      const said = { code: 'Bad\u001b]0;x\u0007\nwalletcreds: fine', message: 'a\r\u001b[2Kdone\nroot# \u202e' };
      response.writeHead(403, { 'content-type': 'application/json' }).end(JSON.stringify(said));
    });
    await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { code, stderr } = await walletcreds(['credentials', 'a', '--endpoint', url]);
    expect(code).toBe(1);
    expect(stderr).toBe(`walletcreds: ${url} answered 403: a  [2Kdone root#   (Bad ]0;x  walletcreds: fine)\n`);
    server.close();
  });

  test('nobody there is one line that names the URL', async () => {
    const { code, stderr } = await walletcreds(['credentials', 'a', '--endpoint', 'http://127.0.0.1:1']);
    expect(code).toBe(1);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stderr).toContain('127.0.0.1:1');
  });
});
