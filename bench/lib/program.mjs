/**
 * Programs that are measured or that measure, each in a process of its own.
 *
 * @module
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pinned } from './machine.mjs';

export const root = fileURLToPath(new URL('../..', import.meta.url));
export const bin = join(root, 'dist/bin.js');
const probe = join(root, 'bench/programs/probe.mjs');

const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Nothing of the caller's environment: no AWS_*, no proxy, no NODE_OPTIONS. */
export function cleanEnv() {
  return { PATH: `/usr/bin:/bin:${dirname(process.execPath)}`, HOME: tmpdir(), LANG: 'C.UTF-8' };
}

/**
 * @param {readonly string[]} command
 * @param {{ role?: 'server' | 'client', ipc?: boolean, stderr?: 'pipe' | 'null' }} [options]
 */
export function start(command, { role, ipc = false, stderr = 'pipe' } = {}) {
  const [program, ...args] = pinned(role, command);
  const sink = stderr === 'null' ? openSync('/dev/null', 'w') : 'pipe';
  const child = spawn(program, args, {
    cwd: root,
    env: cleanEnv(),
    stdio: ['ignore', openSync('/dev/null', 'w'), sink, ...(ipc ? ['ipc'] : [])],
  });
  running.add(child);
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', text => {
    said = (said + text).slice(-20_000);
  });
  const gone = new Promise(resolve => {
    child.once('exit', code => {
      running.delete(child);
      resolve(code);
    });
  });
  const answered = async asking => {
    const answer = once(child, 'message');
    const ended = gone.then(code => {
      throw new Error(`${command.join(' ')} ended with ${code}: ${said}`);
    });
    asking();
    return (await Promise.race([answer, ended]))[0];
  };
  return {
    child,
    gone,
    said: () => said,
    async stop() {
      child.kill('SIGTERM');
      await gone;
    },
    /** Sends one message and resolves with the answer. */
    ask: message => answered(() => child.send(message)),
    /** The memory that a probed program holds after garbage collection. */
    memory: () => answered(() => child.kill('SIGUSR2')),
  };
}

/** One of bench/programs, which answers to messages. */
export function ownProgram(name, options = {}) {
  const flags = name === 'baseline' ? ['--expose-gc', '--import', probe] : [];
  return start([process.execPath, ...flags, join(root, 'bench/programs', `${name}.mjs`)], { ipc: true, ...options });
}

/**
 * The real program: `node dist/bin.js serve`.
 *
 * @param {string} config the path of its walletcreds.yaml
 * @param {{ probed?: boolean, role?: 'server' | 'client', stderr?: 'pipe' | 'null', node?: string }} [options] probed: it tells its memory, as the baselines do
 */
export function serve(config, { probed = false, node = process.execPath, ...options } = {}) {
  const flags = probed ? ['--expose-gc', '--import', probe] : [];
  const command = [node, ...flags, bin, 'serve', '--config', config];
  return start(command, { ipc: probed, ...options });
}
