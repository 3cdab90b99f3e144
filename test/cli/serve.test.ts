/**
 * The real `walletcreds serve`: what it does from its first millisecond to its last.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Chain, credentialsFor, type Serving, startChain, startServe, tokenOf } from '../support/chain.ts';
import { bin, cleanEnv, freePorts, run } from '../support/process.ts';
import { ask } from '../support/request.ts';

const A = '0x52908400098527886e0f7030069857d2e4169ee7';
const B = '0x8617e340b3d01fa5f11f306f4090fd50e238070d';
let chain: Chain;
let running: Serving | undefined;

beforeAll(async () => {
  chain = await startChain();
});
afterEach(async () => {
  running?.child.kill('SIGKILL');
  await running?.exited;
  running = undefined;
});
afterAll(() => chain.close());

async function serving(yaml: string, options: Parameters<typeof startServe>[1] = {}): Promise<Serving> {
  chain.write('walletcreds.yaml', yaml);
  running = startServe(chain, options);
  await running.said('serving');
  return running;
}

/** Whose credentials these are, by the emulator's own books. */
function walletOf(body: string): string | undefined {
  const { AccessKeyId } = JSON.parse(body) as { AccessKeyId: string };
  return chain.sts.sessions.get(AccessKeyId)?.sessionName.split('@')[0];
}

/** Replaces the configuration as an editor or a ConfigMap does: by rename. */
function replace(yaml: string): void {
  writeFileSync(join(chain.folder, 'next.yaml'), yaml);
  renameSync(join(chain.folder, 'next.yaml'), join(chain.folder, 'walletcreds.yaml'));
}

describe('serve', () => {
  test.runIf(process.platform === 'linux')('says in its first line every address that it listens on', async () => {
    const listen = [`127.0.0.1:${chain.port}`, `127.0.0.2:${chain.port}`];
    const yaml = chain.yaml({ a: A }).replace(/listen: \["[^"]*"\] }/, `listen: ${JSON.stringify(listen)} }`);
    const serve = await serving(yaml);
    expect((await serve.said('serving'))['endpoint']).toBe(listen.map(address => `http://${address}`).join(', '));
  });

  test('gives each of two workloads the credentials of its own wallet, and says in the log what it vended', async () => {
    const serve = await serving(chain.yaml({ a: A, b: B }));
    const [first, second] = await Promise.all([
      credentialsFor(chain, tokenOf(chain, 'a')),
      credentialsFor(chain, tokenOf(chain, 'b')),
    ]);
    expect([first.status, second.status]).toEqual([200, 200]);
    expect([walletOf(first.body), walletOf(second.body)]).toEqual([A, B]);
    await serve.said('vended', 2);
    const line = serve.lines.find(({ msg, workload }) => msg === 'vended' && workload === 'a');
    expect(line).toMatchObject({
      wallet: A,
      access_key_id: JSON.parse(first.body).AccessKeyId,
      source: expect.stringMatching(/^(fetched|cached)$/),
      ms: expect.any(Number),
      expires: expect.stringMatching(/Z$/),
    });
    const { SecretAccessKey, Token } = JSON.parse(first.body);
    for (const secret of [SecretAccessKey, Token, tokenOf(chain, 'a')]) expect(serve.text()).not.toContain(secret);
  });

  test('counts requests and exchanges for Prometheus', async () => {
    await serving(chain.yaml({ a: A }));
    await credentialsFor(chain, tokenOf(chain, 'a'));
    const headers = { authorization: readFileSync(join(chain.folder, 'admin-token'), 'utf8') };
    const scraped = await ask({ port: chain.port + 2, path: '/metrics', headers });
    expect(scraped).toMatchObject({
      status: 200,
      headers: { 'content-type': expect.stringContaining('version=0.0.4') },
    });
    expect(scraped.body).toMatch(/^walletcreds_requests_total\{workload="a",outcome="(fetched|cached)"\} 1$/m);
    expect(scraped.body).toMatch(/^walletcreds_exchanges_total\{workload="a",outcome="ok"\} 1$/m);
    expect(scraped.body).toMatch(/^walletcreds_exchange_duration_seconds_count\{outcome="ok"\} 1$/m);
    expect(scraped.body).toMatch(/^walletcreds_credentials_state\{workload="a",state="valid"\} 1$/m);
  });

  test('lets a request end that is under way at SIGTERM, and ends with 0 within five seconds', async () => {
    const slow = await startChain({ latencyMs: 300 });
    try {
      slow.write('walletcreds.yaml', slow.yaml({ a: A }).replace(/tokens\/a }/, 'tokens/a, prefetch: false }'));
      const serve = startServe(slow);
      running = serve;
      await serve.said('serving');
      const answer = credentialsFor(slow, tokenOf(slow, 'a'));
      // STS has been asked, so the request is under way; it waits for STS's answer now.
      await vi.waitFor(() => expect(slow.sts.calls.length).toBeGreaterThan(0), { interval: 5, timeout: 5_000 });
      serve.child.kill('SIGTERM');
      expect(await answer).toMatchObject({ status: 200, body: expect.stringContaining('"Code":"Success"') });
      expect(await serve.exited).toBe(0);
    } finally {
      await slow.close();
    }
  });

  // The program stops itself so many ms after its first statements: a test's own clock would race node's start.
  test.each([0, 40, 80, 120, 160, 200])('ends with 0 when it is stopped %i ms after its first statements', async ms => {
    chain.write('walletcreds.yaml', chain.yaml({ a: A }));
    chain.write(
      'stop.cjs',
      `const { on } = process;
       process.on = (name, ...rest) => {
         if (name === 'SIGTERM') setTimeout(() => process.kill(process.pid, name), ${ms}), (process.on = on);
         return on.call(process, name, ...rest);
       };`,
    );
    const stopper = ['-r', join(chain.folder, 'stop.cjs')];
    const options = { env: cleanEnv(chain.folder), cwd: chain.folder };
    for (const args of [['serve'], ['dev', '--port', String(await freePorts(4))]])
      expect(await run(process.execPath, [...stopper, bin, ...args], options)).toMatchObject({ code: 0, signal: null });
  });

  test('opens no debugger on SIGUSR1', async () => {
    const serve = await serving(chain.yaml({ a: A }));
    serve.child.kill('SIGUSR1');
    expect((await credentialsFor(chain, tokenOf(chain, 'a'))).status).toBe(200);
    expect(serve.text()).not.toMatch(/Debugger listening/);
    await expect(ask({ port: 9229, path: '/json', timeout: 500 })).rejects.toThrow();
  });
});

describe('reload', () => {
  test('a changed file takes effect: the removed workload is gone, the new one is there, the token stays good', async () => {
    const serve = await serving(chain.yaml({ a: A, b: B }));
    const tokenB = tokenOf(chain, 'b');
    expect((await credentialsFor(chain, tokenB)).status).toBe(200);
    replace(chain.yaml({ a: A, c: B }));
    await serve.said('configuration reloaded');
    expect((await credentialsFor(chain, tokenB)).status).toBe(401);
    expect((await credentialsFor(chain, tokenOf(chain, 'a'))).status).toBe(200);
    const c = await credentialsFor(chain, tokenOf(chain, 'c'));
    expect(walletOf(c.body)).toBe(B);
  });

  test('a token whose workload now has another wallet gets the new wallet’s credentials, never the old one’s', async () => {
    const serve = await serving(chain.yaml({ a: A }));
    const token = tokenOf(chain, 'a');
    expect(walletOf((await credentialsFor(chain, token)).body)).toBe(A);
    replace(chain.yaml({ a: B }));
    await serve.said('configuration reloaded');
    expect(walletOf((await credentialsFor(chain, token)).body)).toBe(B);
  });

  test('on SIGHUP a bad file changes nothing and says what is wrong with it, each finding with its place', async () => {
    const serve = await serving(chain.yaml({ a: A }));
    replace(chain.yaml({ a: `${A}0` }, 'regoin: x'));
    serve.child.kill('SIGHUP');
    const refused = await serve.said('the changed configuration is refused; the one that runs goes on');
    const problems = refused['problems'] as string[];
    expect(problems.join('\n')).toMatch(/walletcreds\.yaml:\d+:\d+ workloads\.a\.wallet: /);
    expect(problems.join('\n')).toMatch(/regoin.*region/);
    expect((await credentialsFor(chain, tokenOf(chain, 'a'))).status).toBe(200);
  });

  const refusal = 'the changed configuration is refused; the one that runs goes on';

  test('keys that can’t sign are refused as at a start, and what is held goes on', async () => {
    const serve = await serving(chain.yaml({ a: A }));
    expect((await credentialsFor(chain, tokenOf(chain, 'a'))).status).toBe(200);
    replace(chain.yaml({ a: A }).replace('keys_dir: keys', 'keys_dir: nowhere'));
    expect((await serve.said(refusal))['problems']).toEqual([
      expect.stringMatching(/walletcreds\.yaml:\d+:\d+ identity_token\.signer\.keys_dir: .*nowhere/),
    ]);
    expect((await credentialsFor(chain, tokenOf(chain, 'a'))).status).toBe(200);
  });

  test('what takes a restart is named each time as long as the file differs from what runs, and no longer', async () => {
    const serve = await serving(chain.yaml({ a: A }));
    const asItRuns = chain.yaml({ a: A });
    const moved = asItRuns.replace(`"127.0.0.1:${chain.port + 2}"`, `"127.0.0.1:${chain.port + 1}"`);
    const named = () => serve.lines.filter(({ msg }) => msg === 'this change takes effect at the next start').length;
    for (const [i, [yaml, times]] of (
      [
        [moved, 1],
        [`${moved}\n`, 2],
        [asItRuns, 2],
      ] as const
    ).entries()) {
      replace(yaml);
      await serve.said('configuration reloaded', i + 1);
      expect(named()).toBe(times);
    }
  });

  test('keys that come into the folder that had none are noticed', async () => {
    const serve = await serving(chain.yaml({ a: A }));
    mkdirSync(join(chain.folder, 'next-keys'), { mode: 0o700 });
    replace(chain.yaml({ a: A, b: B }).replace('keys_dir: keys', 'keys_dir: next-keys'));
    await serve.said(refusal);
    cpSync(join(chain.folder, 'keys'), join(chain.folder, 'next-keys'), { recursive: true });
    await serve.said('configuration reloaded');
    expect((await credentialsFor(chain, tokenOf(chain, 'b'))).status).toBe(200);
  });

  test('a token’s file that vanishes is missed, not made again: its token stays valid', async () => {
    const serve = await serving(chain.yaml({ a: A }));
    const token = tokenOf(chain, 'a');
    rmSync(join(chain.folder, 'tokens/a'));
    expect((await serve.said(refusal))['problems']).toEqual([
      expect.stringMatching(/workloads\.a\.token_file: .*tokens\/a is gone.*openssl rand/),
    ]);
    expect(existsSync(join(chain.folder, 'tokens/a'))).toBe(false);
    expect((await credentialsFor(chain, token)).status).toBe(200);
    chain.write('tokens/a', token);
    await serve.said('configuration reloaded');
  });

  test('a fix in a file that only the refused configuration names is noticed', async () => {
    const serve = await serving(chain.yaml({ a: A }));
    chain.write('tokens/later', createHash('sha256').update('later').digest('hex'), 0o666);
    replace(chain.yaml({ a: A, later: B }));
    await serve.said(refusal);
    chmodSync(join(chain.folder, 'tokens/later'), 0o600);
    await serve.said('configuration reloaded');
    expect(walletOf((await credentialsFor(chain, tokenOf(chain, 'later'))).body)).toBe(B);
  });

  test('SIGHUP while it stops is no reason to break off', async () => {
    const serve = await serving(chain.yaml({ a: A }));
    serve.child.kill('SIGTERM');
    serve.child.kill('SIGHUP');
    expect(await serve.exited).toBe(0);
    expect(serve.lines.at(-1)).toMatchObject({ msg: 'stopped' });
  });

  test('a replaced token is good at once, and the old one for the overlap', async () => {
    const serve = await serving(chain.yaml({ a: A }));
    const old = tokenOf(chain, 'a');
    const next = createHash('sha256').update('another').digest('hex');
    chain.write('tokens/next', next);
    renameSync(join(chain.folder, 'tokens/next'), join(chain.folder, 'tokens/a'));
    await serve.said('configuration reloaded');
    expect((await credentialsFor(chain, next)).status).toBe(200);
    expect((await credentialsFor(chain, old)).status).toBe(200);
  });
});

describe('what serve refuses to start with', () => {
  const start = (args: readonly string[], env: Record<string, string> = {}) =>
    run(process.execPath, [...args, bin, 'serve'], { env: cleanEnv(chain.folder, env), cwd: chain.folder });

  test.each([
    ['--inspect=127.0.0.1:0', []],
    ['--heapsnapshot-signal=SIGUSR2', []],
    ['--heapsnapshot-near-heap-limit=1', []],
    ['--tls-keylog=keys.log', []],
    ['--report-on-signal', []],
    ['--report_on_signal', []],
  ])('%s, which opens its memory to others', async flag => {
    chain.write('walletcreds.yaml', chain.yaml({ a: A }));
    const { code, stderr } = await start([flag]);
    expect(code).toBe(2);
    expect(stderr).toContain(`node was given ${flag.split('=')[0]?.replaceAll('_', '-')}`);
    expect(stderr).toContain('WALLETCREDS_ALLOW_DEBUG=1');
  });

  test('the same in NODE_OPTIONS', async () => {
    const { code, stderr } = await start([], { NODE_OPTIONS: '--report-uncaught-exception' });
    expect(code).toBe(2);
    expect(stderr).toContain('NODE_OPTIONS was given --report-uncaught-exception');
  });

  test('an inspector that NODE_OPTIONS asks for with quotes inside the word', async () => {
    const { code, stderr } = await start([], { NODE_OPTIONS: '--in"sp"ect=127.0.0.1:0' });
    expect(code).toBe(2);
    expect(stderr).toContain('NODE_OPTIONS was given --inspect');
  });

  test('NODE_DEBUG, which prints tokens', async () => {
    const { code, stderr } = await start([], { NODE_DEBUG: 'http' });
    expect(code).toBe(2);
    expect(stderr).toContain('NODE_DEBUG is set');
  });

  test('NODE_TLS_REJECT_UNAUTHORIZED=0', async () => {
    const { code, stderr } = await start([], { NODE_TLS_REJECT_UNAUTHORIZED: '0' });
    expect(code).toBe(2);
    expect(stderr).toContain('name the CA with ca_file');
  });

  test('no signing key, naming `walletcreds keys generate`', async () => {
    chain.write('walletcreds.yaml', chain.yaml({ a: A }).replace('keys_dir: keys', 'keys_dir: nowhere'));
    const { code, stderr } = await start([]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^walletcreds\.yaml:\d+:\d+ identity_token\.signer\.keys_dir: .*walletcreds keys generate/);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });

  test('a port that is in use, in one line that names the key and the fix', async () => {
    await serving(chain.yaml({ a: A }));
    const { code, stderr } = await start([]);
    expect(code).toBe(1);
    const said = stderr.split('\n').filter(line => line !== '' && !line.startsWith('{'));
    expect(said).toEqual([expect.stringMatching(/endpoint\.listen: can't listen on .*in use by another program/)]);
  });

  test('no configuration, naming `walletcreds init`', async () => {
    const { code, stderr } = await run(process.execPath, [bin, 'serve', '--config', 'none.yaml'], {
      env: cleanEnv(chain.folder),
      cwd: chain.folder,
    });
    expect(code).toBe(2);
    expect(stderr).toMatch(/none\.yaml: .*walletcreds init/);
  });
});

test('nobody reading the log keeps it from ending', async () => {
  chain.write('walletcreds.yaml', chain.yaml({ a: A }));
  running = startServe(chain);
  await running.said('serving');
  // More than a pipe holds, and nobody takes it out.
  running.child.stderr?.pause();
  for (let i = 0; i < 40; i++) {
    await Promise.all(Array.from({ length: 25 }, () => credentialsFor(chain, `wrong-${'x'.repeat(32)}`)));
  }
  const gone = once(running.child, 'exit');
  running.child.kill('SIGTERM');
  expect(await gone).toEqual([0, null]);
  running.child.stderr?.resume();
});

describe('healthcheck', () => {
  const check = (...args: string[]) =>
    run(process.execPath, [bin, 'healthcheck', '--url', `http://127.0.0.1:${chain.port + 2}`, ...args], {
      env: cleanEnv(chain.folder),
    });

  test('is 0 once every workload with prefetch has had credentials, for all and for one', async () => {
    await serving(chain.yaml({ a: A }));
    await credentialsFor(chain, tokenOf(chain, 'a'));
    expect(await check()).toMatchObject({ code: 0, stdout: 'ready\n' });
    const config = join(chain.folder, 'walletcreds.yaml');
    expect(await check('--workload', 'a', '--config', config)).toMatchObject({ code: 0 });
    expect(await check('--workload', 'a', '--config', 'none.yaml')).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('needs the admin token'),
    });
  });

  test('is 1 for a workload that nobody has, and where nothing listens, and says where it looked', async () => {
    await serving(chain.yaml({ a: A }));
    expect(await check('--workload', 'zzz')).toMatchObject({ code: 1 });
    running?.child.kill('SIGKILL');
    await running?.exited;
    const { code, stdout } = await check();
    expect(code).toBe(1);
    expect(stdout).toContain(`127.0.0.1:${chain.port + 2}`);
  });
});
