/**
 * `walletcreds serve` as a process, in exactly the environment that a test names.
 *
 * @module
 */
import { spawn } from 'node:child_process';
import { onTestFinished } from 'vitest';
import { bin, type Finished, run } from './process.ts';

export interface Served {
  /** Everything it has said so far. */
  said(): string;
  /** Resolves with the first line that holds the text; rejects when the process ends without it. */
  says(text: string): Promise<string>;
  signal(name: NodeJS.Signals): void;
  /** SIGTERM, and its exit code. */
  stop(): Promise<number | null>;
}

/** Starts it and waits until it says that it serves. It is killed with the test, whatever comes. */
export async function startServe(
  config: string,
  options: { env: Readonly<Record<string, string>>; cwd: string },
): Promise<Served> {
  const child = spawn(process.execPath, [bin, 'serve', '--config', config], {
    env: { ...options.env },
    cwd: options.cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  const waiting = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', chunk => {
      text += chunk;
      for (const look of waiting) look();
    });
  const ended = new Promise<number | null>(resolve => child.once('close', code => resolve(code)));
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const says = (wanted: string) =>
    new Promise<string>((resolve, reject) => {
      const look = () => {
        const line = text.split('\n').find(each => each.includes(wanted));
        if (line === undefined) return;
        waiting.delete(look);
        resolve(line);
      };
      waiting.add(look);
      void ended.then(code => {
        if (waiting.delete(look)) reject(new Error(`serve ended with ${code} before it said ${wanted}:\n${text}`));
      });
      look();
    });
  const served: Served = {
    said: () => text,
    says,
    signal: name => void child.kill(name),
    stop() {
      child.kill('SIGTERM');
      return ended;
    },
  };
  await says('"serving"');
  return served;
}

/** Runs another verb of the program to its end, in an environment of PATH alone. */
export function verb(args: readonly string[], cwd: string): Promise<Finished> {
  return run(process.execPath, [bin, ...args], { env: { PATH: process.env['PATH'] ?? '' }, cwd });
}
