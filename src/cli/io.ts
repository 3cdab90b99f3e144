/**
 * What a command is given: its environment and its two streams.
 *
 * @module
 */
import type { Command } from 'commander';

export interface Io {
  readonly env: NodeJS.ProcessEnv;
  /** A line to stdout. */
  readonly out: (line: string) => void;
  /** A line to stderr. */
  readonly warn: (line: string) => void;
}

/** Turns a function that returns an exit status into a commander action. */
export type Run = <A extends unknown[]>(action: (...args: A) => Promise<number>) => (...args: A) => Promise<void>;

/** What a file of `commands/` exports: adds flags and the action to its command. */
export type Configure = (command: Command, io: Io, run: Run) => void;

/** The process's own. */
export function processIo(): Io {
  return {
    env: process.env,
    out: line => print(`${line}\n`),
    warn: line => void process.stderr.write(`${line}\n`),
  };
}

let printed = false;

/** Writes to standard output, which node opens with the first text. */
export function print(text: string): void {
  if (!printed) process.stdout.on('error', unprintable);
  printed = true;
  process.stdout.write(text);
}

function unprintable({ code }: NodeJS.ErrnoException): void {
  // The reader has gone, as `head` does.
  if (code === 'EPIPE') return;
  process.stderr.write(`walletcreds: standard output can't be written (${code})\n`);
  process.exit(1);
}
