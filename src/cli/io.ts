/**
 * What a verb is given, and how it is run.
 *
 * @module
 */

/** What every verb is given. */
export interface Io {
  readonly env: NodeJS.ProcessEnv;
  /** A line to stdout. */
  readonly out: (line: string) => void;
  /** A line to stderr. */
  readonly warn: (line: string) => void;
}

/** How a verb is run: its return value is the exit status. */
export type Run = <A extends unknown[]>(verb: (...args: A) => Promise<number>) => (...args: A) => Promise<void>;

/** The process's own. */
export function processIo(): Io {
  return {
    env: process.env,
    out: line => print(`${line}\n`),
    warn: line => void process.stderr.write(`${line}\n`),
  };
}

let printed = false;

/** To standard output, which is opened by the first text: `serve` has none for it. */
export function print(text: string): void {
  if (!printed) process.stdout.on('error', unprintable);
  printed = true;
  process.stdout.write(text);
}

function unprintable({ code }: NodeJS.ErrnoException): void {
  // Whoever was reading has gone, as `head` does: there is nobody to tell.
  if (code === 'EPIPE') return;
  process.stderr.write(`walletcreds: standard output can't be written (${code})\n`);
  process.exit(1);
}
