/**
 * Files that are written whole or not at all: a crash leaves the old one or the new one.
 *
 * @module
 */
import { randomBytes } from 'node:crypto';
import { open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/**
 * Writes by a fresh temporary file and a rename, and makes both durable.
 *
 * @param mode set whatever the umask says
 * @param owner whose it is to be, where root writes it; default: the folder's, since a file that root writes into
 *   another user's folder is for the process of that user
 */
export async function replaceFile(
  file: string,
  text: string,
  mode: number,
  owner?: { readonly uid: number; readonly gid: number },
): Promise<void> {
  const temporary = join(dirname(file), `.${randomBytes(8).toString('hex')}.tmp`);
  // `wx` is O_EXCL: a link that somebody planted under that name is not followed.
  const handle = await open(temporary, 'wx', 0o600);
  try {
    try {
      await handle.writeFile(text);
      if (process.getuid?.() === 0) {
        const { uid, gid } = owner ?? (await stat(dirname(file)));
        await handle.chown(uid, gid);
      }
      await handle.chmod(mode);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(dirname(file));
}

/** Makes a rename or a removal in a folder survive a power cut, where the file system can. */
export async function syncFolder(dir: string): Promise<void> {
  const handle = await open(dir, 'r');
  try {
    await handle.sync();
  } catch {
    // Some network file systems refuse to sync a folder; the file itself is safe.
  } finally {
    await handle.close();
  }
}
