/**
 * `exec` and `credentials` as people run them: real processes, a real exchange with the STS emulator, nothing injected.
 *
 * @module
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Chain, startChain, startServe, tokenOf } from '../support/chain.ts';
import { because, debian } from '../support/clients.ts';
import { bin, cleanEnv, type Finished, run } from '../support/process.ts';

const WALLET = '0x52908400098527886e0f7030069857d2e4169ee7';
const OTHER = '0x8617e340b3d01fa5f11f306f4090fd50e238070d';
let chain: Chain;
beforeAll(async () => {
  chain = await startChain();
  chain.write('walletcreds.yaml', chain.yaml({ a: WALLET, b: OTHER }));
  for (const name of ['a', 'b']) chain.write(`tokens/${name}`, randomBytes(32).toString('hex'));
  mkdirSync(join(chain.folder, 'home/.aws'), { recursive: true });
});
afterAll(() => chain?.close());

const env = (extra: Record<string, string> = {}) => cleanEnv(join(chain.folder, 'home'), extra);
const walletcreds = (args: readonly string[], extra: Record<string, string> = {}): Promise<Finished> =>
  run(process.execPath, ['--', bin, ...args], { env: env(extra), cwd: chain.folder });
const node = (script: string) => [process.execPath, '-e', script];
/** The variables that a program under `exec` sees. */
async function environmentOf(
  args: readonly string[],
  extra: Record<string, string> = {},
): Promise<Record<string, string>> {
  const { code, stdout, stderr } = await walletcreds(
    [...args, '--', ...node('console.log(JSON.stringify(process.env))')],
    extra,
  );
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as Record<string, string>;
}
/** Whose an access key is, by the emulator's own books. */
const walletOf = (accessKeyId: unknown) => chain.sts.sessions.get(String(accessKeyId))?.sessionName.split('@')[0];
const fetching = `
  const { AWS_CONTAINER_CREDENTIALS_FULL_URI: url, AWS_CONTAINER_AUTHORIZATION_TOKEN: token } = process.env;
  require('node:http').get(url, { headers: { Authorization: token } }, answer => {
    let body = '';
    answer.on('data', chunk => { body += chunk; });
    answer.on('end', () => console.log(answer.statusCode + ' ' + body));
  });`;

describe('exec', () => {
  test('gives a program an endpoint of its own, where credentials are at the first request', async () => {
    const { code, stdout, stderr } = await walletcreds(['exec', 'a', '--', ...node(fetching)]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^200 /);
    expect(walletOf((JSON.parse(stdout.slice(4)) as { AccessKeyId: string }).AccessKeyId)).toBe(WALLET);
  });

  test('takes a port and a token that are new each time, and both end with the program', async () => {
    const [first, second] = await Promise.all([environmentOf(['exec', 'a']), environmentOf(['exec', 'a'])]);
    for (const key of ['AWS_CONTAINER_CREDENTIALS_FULL_URI', 'AWS_CONTAINER_AUTHORIZATION_TOKEN'])
      expect(first[key]).not.toBe(second[key]);
    expect(first['AWS_CONTAINER_AUTHORIZATION_TOKEN']).toMatch(/^[0-9a-f]{64}$/);
    expect(first['AWS_CONTAINER_AUTHORIZATION_TOKEN']).not.toBe(tokenOf(chain, 'a'));
    const { port, hostname } = new URL(first['AWS_CONTAINER_CREDENTIALS_FULL_URI'] ?? '');
    expect(hostname).toBe('127.0.0.1');
    const again = await run(
      process.execPath,
      [
        '-e',
        `require('node:net').connect(${port}, '127.0.0.1').on('error', e => console.log(e.code)).on('connect', () => process.exit(3))`,
      ],
      { env: env() },
    );
    expect(again.stdout).toBe('ECONNREFUSED\n');
  });

  test('takes away whatever else an SDK would find first, and leaves the rest of the environment alone', async () => {
    const shadowing = {
      AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
      AWS_SECRET_ACCESS_KEY: 'x',
      AWS_SESSION_TOKEN: 'x',
      AWS_PROFILE: 'x',
      AWS_ROLE_ARN: 'x',
      AWS_WEB_IDENTITY_TOKEN_FILE: '/x',
      AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '',
    };
    const seen = await environmentOf(['exec', 'a'], { ...shadowing, KEPT: 'as it was', AWS_MAX_ATTEMPTS: '7' });
    expect(Object.keys(shadowing).filter(key => key in seen)).toEqual([]);
    expect(seen).toMatchObject({
      KEPT: 'as it was',
      AWS_MAX_ATTEMPTS: '7',
      AWS_REGION: 'us-east-1',
      AWS_EC2_METADATA_DISABLED: 'true',
      AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
      AWS_ENDPOINT_URL_STS: chain.sts.url,
      AGENTKEYS_USER_WALLET: WALLET,
    });
  });

  test.skipIf(because(debian('awscli')))(
    'carries an unmodified AWS CLI past a profile that would come first',
    async () => {
      chain.write(
        'home/.aws/credentials',
        '[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = x\n',
      );
      const cli = [
        '/usr/bin/aws',
        '--endpoint-url',
        chain.sts.url,
        'sts',
        'get-caller-identity',
        '--query',
        'Arn',
        '--output',
        'text',
      ];
      const { code, stdout, stderr } = await walletcreds(['exec', 'b', '--', ...cli]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toContain(OTHER);
    },
  );

  test('ends as the program ends: its own code, 127 not found, 126 not executable, 128 + n for signal n', async () => {
    const plain = chain.write('not-executable', 'x', 0o644);
    const codes = async (...command: string[]) => (await walletcreds(['exec', 'a', '--', ...command])).code;
    expect(
      await Promise.all([codes(...node('')), codes(...node('process.exit(42)')), codes('no-such-program')]),
    ).toEqual([0, 42, 127]);
    expect(
      await Promise.all([codes(plain), codes(...node('process.kill(process.pid, "SIGKILL")')), codes('')]),
    ).toEqual([126, 137, 127]);
    const { stderr } = await walletcreds(['exec', 'a', '--', 'no-such-program']);
    expect(stderr).toBe('no-such-program: not found\n');
  });

  test.each(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const)(
    'passes %s on and waits for the program',
    async signal => {
      const script = `process.on('${signal}', () => { console.log('got it'); process.exit(7); }); console.log('up'); setInterval(() => {}, 1e6);`;
      const child = spawn(process.execPath, ['--', bin, 'exec', 'a', '--', ...node(script)], {
        env: env(),
        cwd: chain.folder,
      });
      let said = '';
      const up = new Promise<void>(resolve => {
        child.stdout.on('data', chunk => {
          said += chunk;
          if (said.includes('up')) resolve();
        });
      });
      const ended = new Promise<number | null>(resolve => child.once('close', resolve));
      await up;
      child.kill(signal);
      expect(await ended).toBe(7);
      expect(said).toBe('up\ngot it\n');
    },
  );

  test('hands standard input through, and the program’s output unmixed', async () => {
    const echo = node('process.stdin.pipe(process.stdout); console.error("e")');
    const finished = await run(process.execPath, ['--', bin, 'exec', 'a', '--', ...echo], {
      env: env(),
      cwd: chain.folder,
      input: 'through and through',
    });
    expect(finished).toMatchObject({ code: 0, stdout: 'through and through', stderr: 'e\n' });
  });

  test('leaves options behind -- and behind the program to the program', async () => {
    const { stdout } = await walletcreds([
      'exec',
      'a',
      '--',
      ...node('console.log(JSON.stringify(process.argv.slice(1)))'),
      '--',
      '--config',
      'x',
      '--help',
    ]);
    expect(JSON.parse(stdout)).toEqual(['--config', 'x', '--help']);
  });

  test.each([
    ['its endpoint', []],
    ['static keys', ['--static-env']],
  ] as const)(
    'keeps every secret out of the process list and out of its own environment, with %s',
    async (_, flags) => {
      const script = `${flags.length === 0 ? fetching : ''} console.log('env ' + JSON.stringify(process.env)); setInterval(() => {}, 1e6);`;
      const child = spawn(process.execPath, ['--', bin, 'exec', ...flags, 'a', '--', ...node(script)], {
        env: env(),
        cwd: chain.folder,
      });
      let said = '';
      await new Promise<void>(resolve => {
        child.stdout.on('data', chunk => {
          said += chunk;
          if (said.includes('env {') && (flags.length > 0 || said.includes('200 {')) && said.endsWith('\n')) resolve();
        });
      });
      const lines = said.split('\n');
      const inside = JSON.parse((lines.find(line => line.startsWith('env ')) ?? '').slice(4)) as Record<string, string>;
      const answered = JSON.parse((lines.find(line => line.startsWith('200 ')) ?? '200 {}').slice(4)) as Record<
        string,
        string
      >;
      const secrets = [
        inside['AWS_CONTAINER_AUTHORIZATION_TOKEN'],
        inside['AWS_SECRET_ACCESS_KEY'],
        inside['AWS_SESSION_TOKEN'],
        answered['SecretAccessKey'],
        answered['Token'],
      ].filter(value => value !== undefined);
      expect(secrets.length).toBeGreaterThan(1);
      const commandLines = readdirSync('/proc')
        .filter(name => /^\d+$/.test(name))
        .map(pid => readOrNothing(`/proc/${pid}/cmdline`));
      const own = readOrNothing(`/proc/${child.pid}/environ`);
      expect(own).toContain('HOME=');
      for (const secret of secrets) expect([own, ...commandLines].filter(text => text.includes(secret))).toEqual([]);
      child.kill('SIGTERM');
      await new Promise(resolve => child.once('close', resolve));
    },
  );

  test('--static-env gives keys once, says what is lost, and no endpoint beside them', async () => {
    const dump = node('console.log(JSON.stringify(process.env))');
    const { code, stdout, stderr } = await walletcreds(['exec', '--static-env', 'a', '--', ...dump]);
    expect(code).toBe(0);
    expect(stderr).toMatch(/^walletcreds: --static-env: .*can’t renew them\n$/);
    const seen = JSON.parse(stdout) as Record<string, string>;
    expect(walletOf(seen['AWS_ACCESS_KEY_ID'])).toBe(WALLET);
    expect(seen['AWS_CREDENTIAL_EXPIRATION']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect(Object.keys(seen).filter(key => key.startsWith('AWS_CONTAINER_'))).toEqual([]);
  });

  test('doesn’t start the program where STS refuses, and says why in one line', async () => {
    chain.sts.fail({ code: 'AccessDenied', message: 'not you', status: 403, times: Number.POSITIVE_INFINITY });
    const refused = await walletcreds(['exec', 'a', '--', ...node('console.log("ran")')], {
      WALLETCREDS_LOG_LEVEL: 'silent',
    });
    chain.sts.fail({ code: 'AccessDenied', times: 0 });
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toMatch(/^walletcreds: .*AccessDenied.*\n$/);
  });

  test.each([
    [['exec', 'nobody', '--', 'true'], /no workload is called "nobody"; it has a, b/],
    [['exec', 'a', '--config', 'none.yaml', '--', 'true'], /none\.yaml/],
    [['exec', 'a'], /missing required argument/],
  ])('%j is refused as a usage error in one line', async (args, message) => {
    const { code, stdout, stderr } = await walletcreds(args);
    expect({ code, stdout, lines: stderr.trim().split('\n').length }).toEqual({ code: 2, stdout: '', lines: 1 });
    expect(stderr).toMatch(message);
  });
});

const readOrNothing = (file: string): string => {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
};

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
