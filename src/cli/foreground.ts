/**
 * Whether a signal may come from the terminal itself. What is typed there (Ctrl-C, Ctrl-\) and a change of the window's size go
 * to every process in the terminal's foreground group, a child among them: to pass them on would be to send them twice.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import { isatty } from 'node:tty';

/**
 * By the kernel's word, since standard input may be a pipe while Ctrl-C still comes from a terminal, and a program that runs
 * in the background of one gets nothing from it. Where there is no such word: whether any standard stream is a terminal.
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
