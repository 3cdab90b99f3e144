/**
 * Who else can reach a secret: the mode bits of a key file and of the folder it lies in.
 *
 * A private key is refused when others can write it or the world can read it; to be readable by the group is fine. On a
 * read-only mount the mode bits say little (a Kubernetes Secret is a tmpfs folder of mode 1777, mounted read-only), so
 * there the same findings are only warnings.
 *
 * @module
 */
import { constants, type Stats } from 'node:fs';
import { access, readFile, realpath } from 'node:fs/promises';

/** What is wrong with a secret file's mode, with the mend; undefined where nothing is. */
export function fileModeProblem(stats: Pick<Stats, 'mode'>): string | undefined {
  const mode = stats.mode & 0o777;
  if ((mode & 0o022) !== 0) return `mode ${octal(mode)} lets others write it; chmod 600 it`;
  if ((mode & 0o004) !== 0) return `mode ${octal(mode)} lets the world read it; chmod 600 it`;
  return undefined;
}

/** What is wrong with the mode of a folder whose every file counts: a file that somebody planted would be published. */
export function folderModeProblem(stats: Pick<Stats, 'mode'>): string | undefined {
  const mode = stats.mode & 0o777;
  if ((mode & 0o022) === 0) return undefined;
  return `mode ${octal(mode)} lets others put files there, and every key in it is published; chmod 700 it`;
}

function octal(mode: number): string {
  return `0${mode.toString(8).padStart(3, '0')}`;
}

/**
 * Whether a path lies on a mount that this process can't write to, whatever the mode bits say. `access` alone doesn't
 * tell: the kernel looks at the mode bits before it looks at a bind mount's read-only flag.
 */
export async function onReadOnlyMount(path: string): Promise<boolean> {
  try {
    await access(path, constants.W_OK);
    return false;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EROFS') return true;
  }
  try {
    return readOnlyIn(await readFile('/proc/self/mountinfo', 'utf8'), await realpath(path));
  } catch {
    return false;
  }
}

/** @param mountinfo the text of `/proc/self/mountinfo`; of the mounts above the path the longest, then the last, counts */
export function readOnlyIn(mountinfo: string, path: string): boolean {
  let best = { length: -1, readOnly: false };
  for (const line of mountinfo.split('\n')) {
    const fields = line.split(' ');
    const mountPoint = fields[4]?.replace(/\\([0-7]{3})/g, (_, digits: string) =>
      String.fromCharCode(Number.parseInt(digits, 8)),
    );
    if (mountPoint === undefined) continue;
    const inside = mountPoint === '/' || path === mountPoint || path.startsWith(`${mountPoint}/`);
    if (!inside || mountPoint.length < best.length) continue;
    const superOptions = fields[fields.indexOf('-') + 3] ?? '';
    const readOnly = [fields[5] ?? '', superOptions].some(options => options.split(',').includes('ro'));
    best = { length: mountPoint.length, readOnly };
  }
  return best.readOnly;
}
