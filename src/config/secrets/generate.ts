/**
 * Tokens that walletcreds generates where there are none: 64 hexadecimal digits, no newline, no byte order mark.
 *
 * @module
 */
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  existsSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  linkSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { makeFolder } from '../../lib/files/make-folder.ts';

export interface GenerateOptions {
  /** Permission bits; default 0600. */
  readonly mode?: number | undefined;
  /** Numeric group that gets the file. */
  readonly group?: number | undefined;
}

/** Why a token can't be generated, with its path and the fix. */
export class GenerateError extends Error {
  override readonly name = 'GenerateError';
}

/**
 * The file is written under another name first, so that no reader sees half of it. It never replaces one that another process has
 * generated in the meantime.
 *
 * @throws GenerateError
 */
export function generateToken(file: string, options: GenerateOptions = {}): void {
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    makePassable(dirname(file));
    const fd = openSync(temporary, 'wx', 0o600);
    try {
      writeSync(fd, randomBytes(32).toString('hex'));
      if (options.group !== undefined) fchownSync(fd, -1, options.group);
      fchmodSync(fd, options.mode ?? 0o600);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    putInPlace(temporary, file);
  } catch (error) {
    discard(temporary);
    throw new GenerateError(`${file} can't be generated: ${reason(error, options)}`);
  }
  discard(temporary);
}

/** A failure here is not reported: the first one is. */
function discard(temporary: string): void {
  try {
    rmSync(temporary, { force: true });
  } catch {
    // Its folder is no folder, so the file isn't there either.
  }
}

/** The app may run under another uid: it must pass through the folder, but need not list it. */
function makePassable(folder: string): void {
  if (makeFolder(folder, 0o711)) chmodSync(folder, 0o711);
}

/** A hard link never replaces a file. Where the file system has no hard links, a check and a rename are used. */
function putInPlace(temporary: string, file: string): void {
  try {
    linkSync(temporary, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return;
    if (!existsSync(file)) renameSync(temporary, file);
  }
}

function reason(error: unknown, { group }: GenerateOptions): string {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code === 'EROFS')
    return 'the file system is read-only; point state_dir to one that can be written, or mount the token';
  if (syscall === 'fchown') return `this process may not give it to group ${group}; run it as a member of that group`;
  if (code === 'EACCES' || code === 'EPERM') {
    return "this process's user may not write there; point state_dir to a folder of its own, or mount the token";
  }
  return typeof code === 'string' ? code : 'unknown error';
}
