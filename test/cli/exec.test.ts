/**
 * `exec` as people run it: real processes, a real exchange with the STS emulator, nothing injected.
 *
 * @module
 */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Chain, tokenOf } from '../support/chain.ts';
import { because, debian } from '../support/clients.ts';
import { bin, run } from '../support/process.ts';
import { fetching, node, OTHER, programsOf, startTwoWorkloads, WALLET } from './two-workloads.ts';

let chain: Chain;
beforeAll(async () => {
  chain = await startTwoWorkloads();
});
afterAll(() => chain?.close());
const { env, walletcreds, environmentOf, walletOf } = programsOf(() => chain);

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
