/**
 * Environment files: `KEY=value` a line, unquoted, as `docker --env-file`, compose, systemd and a shell's `set -a` read it.
 *
 * @module
 */
import { accessSync, constants, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { UsageError } from '../../lib/errors.ts';
import { replaceFile } from '../../lib/files/replace-file.ts';

/** @throws TypeError for a value that readers of such files would take differently */
export function envFileText(variables: Readonly<Record<string, string>>): string {
  return Object.entries(variables)
    .map(([name, value]) => {
      if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw new TypeError(`${JSON.stringify(name)} is no variable's name`);
      if (!/^[\x21-\x7e]+$/.test(value) || /["'`$\\#]/.test(value)) {
        throw new TypeError(`${name}: blanks, quotes, "$", "\\" and "#" mean different things to different readers`);
      }
      return `${name}=${value}\n`;
    })
    .join('');
}

/** Whole or not at all, mode 0600: it holds a token. */
export async function writeEnvFile(file: string, variables: Readonly<Record<string, string>>): Promise<void> {
  await replaceFile(file, envFileText(variables), 0o600);
}

/**
 * Checks early that the file can be written later.
 *
 * @param flag for the message: `--env-file`
 * @throws UsageError
 */
export function checkEnvFile(file: string, flag: string): void {
  const folder = statSync(dirname(file), { throwIfNoEntry: false });
  if (folder?.isDirectory() !== true) {
    throw new UsageError(`${flag} ${file}: there is no folder ${dirname(file)}; make it`);
  }
  if (statSync(file, { throwIfNoEntry: false })?.isDirectory()) {
    throw new UsageError(`${flag} ${file}: that is a folder; name a file in it`);
  }
  try {
    accessSync(dirname(file), constants.W_OK | constants.X_OK);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new UsageError(`${flag} ${file} can't be written (${code}); name a file in a folder of your own`);
  }
}

/** Removes the file of an earlier run, so that the file's existence means ready. */
export function clearEnvFile(file: string): void {
  rmSync(file, { force: true });
}
