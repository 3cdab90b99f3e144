/**
 * Who else can reach a secret: the mode bits of a key file and of the folder it lies in.
 *
 * A private key is refused when others can write it or the world can read it; to be readable by the group is fine. On a
 * read-only mount the mode bits say little (a Kubernetes Secret is a tmpfs folder of mode 1777, mounted read-only), so
 * there the same findings are only warnings.
 *
 * @module
 */
import { accessSync, constants, type Stats } from 'node:fs';
import { onReadOnlyMount as isListedReadOnly } from './mounts.ts';

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
export function onReadOnlyMount(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return false;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EROFS') return true;
  }
  return isListedReadOnly(path);
}
