/**
 * `walletcreds serve` as a process, in exactly the environment that a test names.
 *
 * @module
 */
import { spawn } from 'node:child_process';
import { onTestFinished } from 'vitest';
import { bin, type Finished, run } from './process.ts';
import { listenTo } from './said.ts';

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
  const { said, says, ended } = listenTo(child, 'serve');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const served: Served = {
    said,
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

/** Runs another command of the program to its end, in an environment of PATH alone. */
export function runCommand(args: readonly string[], cwd: string, env: Record<string, string> = {}): Promise<Finished> {
  return run(process.execPath, [bin, ...args], { env: { PATH: process.env['PATH'] ?? '', ...env }, cwd });
}
