/**
 * Signals: a request to stop, and whether a signal came from the terminal.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import { isatty } from 'node:tty';

const STOPS = ['SIGTERM', 'SIGINT'] as const;

/** Ends the process after so many ms, whatever keeps it alive: a stalled reader of the log, or a database that hangs. */
export function endWithin(ms: number): void {
  setTimeout(() => process.exit(), ms).unref();
}

/** Resolves with the first SIGTERM or SIGINT. A second one ends the process at once. */
export function untilStopped(): Promise<NodeJS.Signals> {
  return new Promise(resolve => {
    const onSignal = (signal: NodeJS.Signals): void => {
      for (const stop of STOPS) process.off(stop, onSignal);
      resolve(signal);
    };
    for (const stop of STOPS) process.on(stop, onSignal);
  });
}

/**
 * Whether this process is in the foreground of a terminal. Ctrl-C, Ctrl-\ and a change of the window's size then reach its
 * children as well, so passing the signal on would send it twice.
 *
 * The kernel's own record decides, since standard input may be a pipe. Without one, any terminal among the standard streams does.
 */
export function inForeground(stat: string | undefined = ownStat()): boolean {
  if (stat === undefined) return [0, 1, 2].some(fd => isatty(fd));
  // pid (name) state ppid pgrp session tty tpgid …; a name may hold spaces and parentheses.
  const [, , group, , terminal, foreground] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return terminal !== '0' && group === foreground;
}

function ownStat(): string | undefined {
  try {
    return readFileSync('/proc/self/stat', 'latin1');
  } catch {
    return undefined;
  }
}
