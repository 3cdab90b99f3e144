/**
 * Folders that walletcreds writes to.
 *
 * @module
 */
import { accessSync, constants } from 'node:fs';
import { makeFolder } from '../lib/files/make-folder.ts';
import type { LoadContext } from './load-context.ts';

/**
 * A folder that will be written to; it is made if it is missing. Nothing is checked for a command that writes nothing.
 *
 * @param what what will be written there, for the message
 */
export function checkWritable(at: LoadContext, folder: string, what: string): void {
  if (at.load.purpose !== 'serve' || at.load.only?.for === 'endpoint') return;
  try {
    makeFolder(folder, 0o711);
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why =
      code === 'EROFS' ? 'it is on a read-only file system' : code === 'EACCES' ? "this process's user may not" : code;
    at.error(`${folder} can't be written (${why}), where ${what} should go; point state_dir to a folder of its own`);
  }
}
