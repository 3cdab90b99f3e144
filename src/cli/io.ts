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
