/**
 * Whether somebody else can choose the content of a file that this process trusts, or read a secret in it.
 *
 * Owner and mode count, of the file and of the folders that hold it and its link. Some findings are only warnings. On a
 * read-only mount the owner and the mode are those of the volume. A volume's own root (an emptyDir is 0777) is made by
 * the container engine. A file that others can write is always refused.
 *
 * @module
 */
import { accessSync, constants, realpathSync, type Stats, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { isMountRoot, onReadOnlyMount } from './mounts.ts';

/** One thing that is wrong, in a sentence that ends with its fix. */
export interface OwnershipFinding {
  readonly refused: boolean;
  readonly message: string;
}

/** What was found of folders, so that ten thousand files in one folder cost one look at it, and one warning. */
export type FolderFindings = Map<string, readonly OwnershipFinding[]>;

export interface OwnershipOptions {
  /** Whether a file that the world can read is refused (default) or warned of. */
  readonly worldReadable?: 'refuse' | 'warn';
  /** For a look at many files. */
  readonly folders?: FolderFindings;
  /** The list of mounts; only tests give another. */
  readonly mountinfo?: string | undefined;
}

type Owned = Pick<Stats, 'mode' | 'uid'>;

/**
 * What is wrong with the owner of a file that holds no secret, such as the configuration or the database.
 *
 * @param stats default: of the file at the path, if there is one
 */
export function ownerFinding(
  path: string,
  stats: Pick<Stats, 'uid'> | undefined = statOf(path),
  options: Pick<OwnershipOptions, 'mountinfo'> = {},
): OwnershipFinding | undefined {
  if (process.geteuid === undefined || stats === undefined || !isForeign(stats.uid)) return undefined;
  return { refused: !isReadOnly(path, options.mountinfo), message: foreign(path, stats.uid) };
}

/**
 * Findings about a file with a secret and its folders, refusals first. None on Windows, which has other means.
 *
 * @param path absolute, or relative to the working directory
 * @param stats by `fstat` of the very descriptor that is read
 */
export function fileFindings(path: string, stats: Owned, options: OwnershipOptions = {}): OwnershipFinding[] {
  if (process.geteuid === undefined) return [];
  const { worldReadable = 'refuse', folders = new Map<string, readonly OwnershipFinding[]>(), mountinfo } = options;
  const findings: OwnershipFinding[] = [];
  const chmod = `chmod 0${(stats.mode & 0o640).toString(8).padStart(3, '0')} ${path}`;
  const owner = ownerFinding(path, stats, options);
  if (owner !== undefined) findings.push(owner);
  if ((stats.mode & 0o022) !== 0) {
    findings.push({ refused: true, message: `others can write it (mode ${octal(stats)}); ${chmod}` });
  } else if ((stats.mode & 0o004) !== 0) {
    const refused = worldReadable === 'refuse' && !isReadOnly(path, mountinfo);
    findings.push({ refused, message: `the world can read it (mode ${octal(stats)})${refused ? `; ${chmod}` : ''}` });
  }
  for (const folder of foldersOf(path)) {
    let found = folders.get(folder);
    if (found === undefined) {
      found = folderFindings(folder, { mountinfo });
      // A refusal is each file's, a warning is said once.
      folders.set(
        folder,
        found.filter(({ refused }) => refused),
      );
    }
    findings.push(...found.map(({ refused, message }) => ({ refused, message: `its folder ${folder}: ${message}` })));
  }
  return findings.sort((a, b) => Number(b.refused) - Number(a.refused));
}

/**
 * Findings about a folder whose files are trusted. None where it isn't there: reading it says so.
 *
 * @param options.keys a folder whose every file is published as a key: there the sticky bit doesn't help
 */
export function folderFindings(
  folder: string,
  options: { readonly keys?: boolean; readonly mountinfo?: string | undefined } = {},
): OwnershipFinding[] {
  const { keys = false, mountinfo } = options;
  const stats = statOf(folder);
  if (stats === undefined || process.geteuid === undefined) return [];
  const messages: string[] = [];
  if (isForeign(stats.uid)) messages.push(foreign(folder, stats.uid));
  if (isOpen(stats, keys)) {
    const effect = keys
      ? 'put files there, and every key in it is published'
      : 'put other files in the place of those in it';
    messages.push(`mode ${octal(stats)} lets others ${effect}; chmod go-w ${folder}`);
  }
  if (messages.length === 0) return [];
  const isExcused = isReadOnly(folder, mountinfo) || (!keys && isMountRoot(folder, mountinfo));
  return messages.map(message => ({ refused: !isExcused, message }));
}

/** The process's own group doesn't count as somebody else. Many systems give each user a group, and folders mode 0775. */
function isOpen({ mode, gid }: Pick<Stats, 'mode' | 'gid'>, keys: boolean): boolean {
  if (keys) return (mode & 0o022) !== 0;
  if ((mode & 0o1000) !== 0) return false;
  return (mode & 0o002) !== 0 || ((mode & 0o020) !== 0 && gid !== process.getegid?.());
}

/** undefined where there is nothing, or nothing that this process may look at: reading it says so. */
function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

function isForeign(uid: number): boolean {
  return uid !== 0 && uid !== process.geteuid?.();
}

function foreign(path: string, uid: number): string {
  const own = process.geteuid?.() ?? 0;
  return `uid ${uid} owns it, which is neither root nor the user of this process (uid ${own}); chown ${own} ${path}`;
}

/** The folder that the path names, and the one that a link leads to: Kubernetes projects tokens as links. */
function foldersOf(path: string): Iterable<string> {
  const named = dirname(resolve(path));
  try {
    const real = dirname(realpathSync.native(path));
    return real === realpathSync.native(named) ? [named] : [named, real];
  } catch {
    return [named];
  }
}

/**
 * Whether this process can't write to the mount of a path, whatever the mode bits say. The kernel's list tells; where there
 * is none `access` does, unless the mode bits refuse first.
 */
function isReadOnly(path: string, mountinfo: string | undefined): boolean {
  if (onReadOnlyMount(path, mountinfo)) return true;
  try {
    accessSync(path, constants.W_OK);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EROFS';
  }
}

function octal({ mode }: Pick<Stats, 'mode'>): string {
  return `0${(mode & 0o7777).toString(8).padStart(3, '0')}`;
}
