/**
 * The database's files at their path, and what happened to them while the database was open.
 *
 * Both files only grow while a connection is open. A database that was moved away still accepts writes. The files are
 * therefore compared with those of the last commit, by inode and size.
 *
 * @module
 */
import { accessSync, closeSync, constants, openSync, statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

interface FileState {
  readonly inode: number;
  readonly size: number;
}

export interface Files {
  readonly database: FileState | undefined;
  /** The write-ahead log. */
  readonly wal: FileState | undefined;
}

/** What happened to a file, for people. */
export interface Change {
  readonly file: keyof Files;
  readonly what: 'removed' | 'replaced' | 'truncated';
}

export function filesAt(path: string): Files {
  return { database: stateOf(path), wal: stateOf(`${path}-wal`) };
}

function stateOf(path: string): FileState | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  return found && { inode: found.ino, size: found.size };
}

/** What happened between two looks; undefined: nothing. */
export function changeOf(before: Files, now: Files): Change | undefined {
  for (const file of ['database', 'wal'] as const) {
    const old = before[file];
    const found = now[file];
    if (old === undefined) continue;
    if (found === undefined) return { file, what: 'removed' };
    if (found.inode !== old.inode) return { file, what: 'replaced' };
    if (found.size < old.size) return { file, what: 'truncated' };
  }
  return undefined;
}

/**
 * Creates the file if it isn't there, readable by its owner alone. SQLite gives its other files the same mode.
 * An existing file stays closed: closing a descriptor of it would drop the locks of every connection of this process.
 */
export function createPrivate(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    accessSync(path, constants.R_OK | constants.W_OK);
    if (statSync(path).isDirectory()) throw Object.assign(new Error('it is a folder'), { code: 'EISDIR' });
  }
}

/** Bytes that are free where a file lives; undefined where that can't be known. */
export function freeBytes(path: string): number | undefined {
  try {
    const { bavail, bsize } = statfsSync(dirname(path));
    return bavail * bsize;
  } catch {
    return undefined;
  }
}
