/**
 * Makes folders, one level at a time. Node's `recursive` option never ends under a folder that fails each new one with
 * ENOENT, such as /proc.
 *
 * @module
 */
import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes a folder, and those above it that are missing.
 *
 * @param mode of all that are made, less the umask
 * @returns whether it was made; false where it was there
 * @throws the system's error: `EEXIST` where something else has its name, `EACCES`, `EROFS`, …
 */
export function makeFolder(path: string, mode = 0o777): boolean {
  try {
    return make(path, mode);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(path) === path) throw error;
  }
  makeFolder(dirname(path), mode);
  return make(path, mode);
}

function make(path: string, mode: number): boolean {
  try {
    mkdirSync(path, { mode });
    return true;
  } catch (error) {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return false;
    throw error;
  }
}
