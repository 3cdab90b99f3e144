/**
 * `exec` at a real terminal: a pseudo-terminal with somebody who types, resizes the window and stops a job.
 *
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inForeground } from '../../src/cli/signals.ts';
import { type Chain, startChain } from '../support/chain.ts';
import { because, debian } from '../support/clients.ts';
import { bin, cleanEnv, output, run } from '../support/process.ts';

const WALLET = '0x52908400098527886e0f7030069857d2e4169ee7';
const terminal = fileURLToPath(new URL('programs/terminal.py', import.meta.url));
const CTRL_C = '\x03';
const CTRL_Z = '\x1a';
const CTRL_BACKSLASH = '\x1c';

let chain: Chain;
beforeAll(async () => {
  chain = await startChain();
  chain.write('walletcreds.yaml', chain.yaml({ a: WALLET }));
});
afterAll(() => chain?.close());

interface Step {
  readonly expect?: string;
  readonly type?: string;
  readonly size?: readonly [rows: number, columns: number];
  readonly signal?: string;
}
const quoted = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`;
const node = (script: string): string[] => [process.execPath, '-e', script];
const exec = (...command: string[]): string[] => [process.execPath, '--', bin, 'exec', 'a', '--', ...command];

/** Runs a program at a terminal and says what was on the screen, and how it ended. */
async function at(steps: readonly Step[], command: readonly string[]): Promise<{ screen: string; code: number }> {
  const env = cleanEnv(chain.folder, { TERM: 'xterm', ENV: '', PS1: 'shell> ' });
  const text = await output('/usr/bin/python3', [terminal, JSON.stringify(steps), ...command], {
    env,
    cwd: chain.folder,
  });
  return JSON.parse(text) as { screen: string; code: number };
}

/** Counts each signal it gets and never ends by one; says how often on `q`. */
const COUNTING = `
  const got = {};
  for (const name of ['SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGWINCH', 'SIGUSR1'])
    process.on(name, () => { got[name] = (got[name] ?? 0) + 1; console.log('got ' + name); });
  process.stdin.setEncoding('utf8').on('data', typed => {
    if (typed.includes('p')) console.log('he' + 're');
    if (!typed.includes('q')) return;
    console.log('in all ' + JSON.stringify(got)); process.exit(7);
  });
  setInterval(() => {}, 1e6);
  console.log('up');`;

/** Sent to walletcreds alone and passed on in its turn: what was passed on before it is there once this is. */
const BARRIER: readonly Step[] = [{ signal: 'SIGUSR1' }, { expect: 'got SIGUSR1' }];

describe.skipIf(because(debian('python3')))('at a terminal', () => {
  test('Ctrl-C and Ctrl-\\ reach the program once, and end neither it nor its endpoint', async () => {
    const { screen, code } = await at(
      [
        { expect: 'up' },
        { type: CTRL_C },
        { expect: 'got SIGINT' },
        { type: CTRL_BACKSLASH },
        { expect: 'got SIGQUIT' },
        ...BARRIER,
        { type: 'q\n' },
      ],
      exec(...node(COUNTING)),
    );
    expect(screen).toContain('in all {"SIGINT":1,"SIGQUIT":1,"SIGUSR1":1}');
    expect(code).toBe(7);
  });

  test('Ctrl-C reaches it once where its input is a pipe', async () => {
    const script = `let n = 0; process.on('SIGINT', () => { n += 1; console.log('got it'); setTimeout(() => { console.log('in all ' + n); process.exit(7); }, 300); }); setInterval(() => {}, 1e6); console.log('up');`;
    const line = `sleep 20 | ${exec(...node(script))
      .map(quoted)
      .join(' ')}`;
    const { screen, code } = await at([{ expect: 'up' }, { type: CTRL_C }], ['/bin/bash', '-c', `trap : INT; ${line}`]);
    expect(screen).toContain('in all 1\n');
    expect(code).toBe(7);
  });

  test('a program that Ctrl-C ends by default ends so: 130, as for a shell', async () => {
    const idle = exec(...node('setInterval(() => {}, 1e6); console.log("up")'));
    expect((await at([{ expect: 'up' }, { type: CTRL_C }], idle)).code).toBe(130);
  });

  test('a signal that was sent to walletcreds alone is passed on', async () => {
    const { screen } = await at(
      [
        { expect: 'up' },
        { signal: 'SIGTERM' },
        { expect: 'got SIGTERM' },
        { signal: 'SIGUSR1' },
        { expect: 'got SIGUSR1' },
        { type: 'q' + '\n' },
      ],
      exec(...node(COUNTING)),
    );
    expect(screen).toContain('in all {"SIGTERM":1,"SIGUSR1":1}');
  });

  test('all three streams are the terminal, with the window’s size, and a new size is told once', async () => {
    const script = `
      const size = () => process.stdout.columns + 'x' + process.stdout.rows;
      console.log([process.stdin, process.stdout, process.stderr].map(stream => stream.isTTY === true) + ' ' + size());
      process.stdout.on('resize', () => console.log('now ' + size()));
      ${COUNTING}`;
    const { screen } = await at(
      [
        { size: [31, 97] },
        { expect: 'up' },
        { size: [40, 120] },
        { expect: 'now 120x40' },
        ...BARRIER,
        { type: 'q\n' },
      ],
      exec(...node(script)),
    );
    expect(screen).toContain('true,true,true 97x31');
    expect(screen).toMatch(/in all {("SIGWINCH":1|,|"SIGUSR1":1){3}}\n/);
  });

  test('an interactive shell stops it with Ctrl-Z, goes on with fg, and gets its exit status', async () => {
    const { screen } = await at(
      [
        { expect: 'shell> ' },
        {
          type: `${exec(...node(COUNTING))
            .map(quoted)
            .join(' ')
            .replaceAll(/\n\s*/g, ' ')}\n`,
        },
        { expect: '\nup' },
        { type: CTRL_Z },
        { expect: 'Stopped' },
        { expect: 'shell> ' },
        { type: 'fg\n' },
        { expect: 'exec' },
        // The shell shows the job's whole text before the terminal is the program's. Only the program says what follows.
        { type: 'p\n' },
        { expect: 'here' },
        { type: CTRL_C },
        { expect: 'got SIGINT' },
        { type: 'q\n' },
        { expect: 'in all {"SIGINT":1}' },
        { expect: 'shell> ' },
        { type: 'echo status $?\n' },
        { expect: 'status 7' },
        { type: 'exit\n' },
      ],
      ['/bin/bash', '--norc', '--noprofile', '--noediting', '-i'],
    );
    expect(screen).toContain('status 7');
  });

  test('a full-screen program may take the terminal over, and finds it as it was', async () => {
    const script = `
      process.stdin.setRawMode(true);
      process.stdin.once('data', typed => { process.stdin.setRawMode(false); console.log('raw ' + JSON.stringify(String(typed))); process.exit(0); });
      console.log('up');`;
    const { screen, code } = await at([{ expect: 'up' }, { type: CTRL_C }], exec(...node(script)));
    // In raw mode Ctrl-C is a character like any other.
    expect(screen).toContain('raw "\\u0003"');
    expect(code).toBe(0);
  });

  test('nothing that the program was given is in the environment or the command line of any process but it', async () => {
    const script = `
      require('node:http').get(process.env.AWS_CONTAINER_CREDENTIALS_FULL_URI, { headers: { Authorization: process.env.AWS_CONTAINER_AUTHORIZATION_TOKEN } }, answer => {
        let body = '';
        answer.on('data', chunk => { body += chunk; });
        answer.on('end', () => {
          const { SecretAccessKey, Token } = JSON.parse(body);
          const secrets = { SecretAccessKey, Token, token: process.env.AWS_CONTAINER_AUTHORIZATION_TOKEN };
          const read = (pid, file) => { try { return require('node:fs').readFileSync('/proc/' + pid + '/' + file, 'utf8'); } catch { return ''; } };
          const pids = require('node:fs').readdirSync('/proc').filter(name => /^\\d+$/.test(name));
          const found = pids.flatMap(pid => ['cmdline', 'environ'].flatMap(file => Object.entries(secrets)
            .filter(([, secret]) => read(pid, file).includes(secret)).map(([name]) => (pid == process.pid ? 'own' : pid == process.ppid ? 'parent' : 'another') + ' ' + file + ' ' + name)));
          console.log('parent ' + read(process.ppid, 'cmdline').includes('exec') + ' found ' + JSON.stringify(found));
        });
      });`;
    const { screen } = await at([], exec(...node(script)));
    expect(screen).toContain('parent true found ["own environ token"]');
  });
});

describe('pipes', () => {
  test('stay as they were: no program finds one that answers "try again"', async () => {
    const python =
      'import fcntl,os,sys; sys.stderr.write(str([fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_NONBLOCK for fd in (0, 1, 2)]))';
    const line = `sleep 1 | ${exec('/usr/bin/python3', '-c', python).map(quoted).join(' ')} 2>&1 | cat`;
    const { stdout } = await run('/bin/sh', ['-c', line], { env: cleanEnv(chain.folder), cwd: chain.folder });
    expect(stdout).toBe('[0, 0, 0]');
  });
});

describe('the foreground', () => {
  test.each([
    ['42 (node) S 1 42 42 34816 42 4194304', true],
    ['42 (no) (de) S 1 42 42 34816 42 4194304', true],
    ['42 (node) S 1 42 42 34816 50 4194304', false],
    ['42 (node) S 1 42 42 0 -1 4194304', false],
  ])('of %s is %s', (stat, expected) => {
    expect(inForeground(stat)).toBe(expected);
  });

  test('is read of this very process where the kernel tells', () => {
    expect(readdirSync('/proc/self').includes('stat')).toBe(true);
    expect(inForeground()).toBe(inForeground(readFileSync(join('/proc/self', 'stat'), 'latin1')));
  });
});
