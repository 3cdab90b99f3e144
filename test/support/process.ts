/**
 * The real program, as a user starts it: `node dist/bin.js dev …` in an environment without the variables of the user who
 * runs the suite, and other programs in an environment that holds only what the first one printed.
 *
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, watch } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));
export const bin = join(root, 'dist/bin.js');

/** Only what a program needs to start: no AWS_*, no proxy, a home without a profile. */
export function cleanEnv(home: string, extra: Readonly<Record<string, string>> = {}): Record<string, string> {
  return {
    // Debian's own programs before any that a version manager put in front of them.
    PATH: ['/usr/sbin', '/usr/bin', '/sbin', '/bin', dirname(process.execPath)].join(':'),
    HOME: home,
    TMPDIR: tmpdir(),
    LANG: 'C.UTF-8',
    NO_COLOR: '1',
    AWS_EC2_METADATA_DISABLED: 'true',
    ...extra,
  };
}

/** A new empty folder, and how to be rid of it. @param parent by default where temporary files are */
export function temporaryFolder(name: string, parent = tmpdir()): { path: string; remove: () => void } {
  const path = mkdtempSync(join(parent, `walletcreds-${name}-`));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end; past `timeout` ms it is killed, which shows as its signal. */
export function run(
  command: string,
  args: readonly string[],
  options: { env: Record<string, string>; cwd?: string; timeout?: number; input?: string },
): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      env: options.env,
      cwd: options.cwd,
      timeout: options.timeout ?? 60_000,
      killSignal: 'SIGKILL',
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', chunk => {
      stdout += chunk;
    });
    child.stderr.setEncoding('utf8').on('data', chunk => {
      stderr += chunk;
    });
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
  });
}

/** Like {@link run}, and its output on stdout; fails with everything the program said. */
export async function output(...args: Parameters<typeof run>): Promise<string> {
  const { code, signal, stdout, stderr } = await run(...args);
  if (code !== 0) throw new Error(`${args[0]} ended with ${code ?? signal}:\n${stderr}\n${stdout}`);
  return stdout;
}

function bind(port: number): Promise<Server | undefined> {
  return new Promise(resolve => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}

/** The first of `count` neighbouring ports that are free on loopback, below the range the kernel hands out itself. */
export async function freePorts(count: number): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const first = 10_000 + Math.floor(Math.random() * 20_000);
    const servers = await Promise.all(Array.from({ length: count }, (_, i) => bind(first + i)));
    await Promise.all(servers.map(server => new Promise<void>(done => (server ? server.close(() => done()) : done()))));
    if (servers.every(server => server !== undefined)) return first;
  }
  throw new Error(`no ${count} neighbouring ports are free`);
}

/** `KEY=value` lines as a record. */
export function parseEnvFile(text: string): Record<string, string> {
  const lines = text.split('\n').filter(line => line !== '' && !line.startsWith('#'));
  return Object.fromEntries(lines.map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
}

/** Resolves when `path` exists; rejects when `child` ends first. */
function appears(path: string, child: ChildProcess, said: () => string): Promise<void> {
  return new Promise((resolve, reject) => {
    const watcher = watch(dirname(path), look);
    const ended = () => {
      watcher.close();
      reject(new Error(`walletcreds ended with ${child.exitCode ?? child.signalCode} before it was ready:\n${said()}`));
    };
    child.once('exit', ended);
    function look(): void {
      if (!existsSync(path)) return;
      watcher.close();
      child.off('exit', ended);
      resolve();
    }
    look();
  });
}

/** A running `walletcreds dev`. */
export interface Dev {
  readonly child: ChildProcess;
  /** Of the endpoint; issuer and STS are at +1, admin at +2. */
  readonly port: number;
  readonly folder: string;
  /** What the env file of a workload says; the first one's by default. */
  env(workload?: string): Record<string, string>;
  /** Everything it has said so far. */
  said(): string;
  /** SIGTERM, and its exit code. */
  stop(): Promise<number | null>;
}

/** Starts `dev` in an empty folder and waits until it has written its env file, which is when it is ready. */
export async function startDev(
  options: { workloads?: Readonly<Record<string, string>>; args?: readonly string[] } = {},
): Promise<Dev> {
  const folder = temporaryFolder('dev');
  const envFile = join(folder.path, 'out', 'env');
  mkdirSync(dirname(envFile));
  mkdirSync(join(folder.path, 'home'));
  const port = await freePorts(4);
  const named = Object.entries(options.workloads ?? {}).flatMap(([name, wallet]) => [
    '--workload',
    `${name}=${wallet}`,
  ]);
  const args = ['dev', '--port', String(port), '--state-dir', join(folder.path, 'state'), '--write-env', envFile];
  const child = spawn(process.execPath, [bin, ...args, ...named, ...(options.args ?? [])], {
    env: cleanEnv(join(folder.path, 'home')),
    cwd: folder.path,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', chunk => {
      text += chunk;
    });
  const exited = new Promise<number | null>(resolve => child.once('close', code => resolve(code)));
  try {
    await appears(envFile, child, () => text);
  } catch (error) {
    folder.remove();
    throw error;
  }
  const first = Object.keys(options.workloads ?? {})[0];
  return {
    child,
    port,
    folder: folder.path,
    env: workload =>
      parseEnvFile(
        readFileSync(workload === undefined || workload === first ? envFile : `${envFile}.${workload}`, 'utf8'),
      ),
    said: () => text,
    async stop() {
      child.kill('SIGTERM');
      const code = await exited;
      folder.remove();
      return code;
    },
  };
}
