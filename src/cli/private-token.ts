/**
 * The token of `exec` as a private file, for clients that know `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE` alone.
 *
 * Each process has a folder of its own, which goes when it ends. The next start removes those of processes that crashed.
 *
 * @module
 */
import { lstatSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Of a folder: pid namespace, process, random. */
const NAME = /^walletcreds-exec-(\d+)-(\d+)-/;

export interface PrivateToken {
  readonly file: string;
  remove(): void;
}

/**
 * The folder is 0700 and the file 0600; the file holds the token and no newline.
 *
 * @param parent default: the system's folder for temporary files
 * @throws the system's error where nothing can be written there
 */
export function writePrivateToken(token: string, parent = tmpdir()): PrivateToken {
  removeAbandoned(parent);
  const folder = mkdtempSync(join(parent, `walletcreds-exec-${pidNamespace()}-${process.pid}-`));
  const file = join(folder, 'token');
  writeFileSync(file, token, { mode: 0o600, flag: 'wx' });
  return { file, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Folders of this user whose process has ended. Another pid namespace's processes can't be seen from here. */
function removeAbandoned(parent: string): void {
  const here = pidNamespace();
  for (const name of readdirSync(parent)) {
    const [, namespace, pid] = NAME.exec(name) ?? [];
    if (namespace !== here || isRunning(Number(pid))) continue;
    const folder = join(parent, name);
    const stats = lstatSync(folder, { throwIfNoEntry: false });
    if (stats?.isDirectory() && stats.uid === process.getuid?.()) rmSync(folder, { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** Containers may share a folder, and number their processes apart. */
function pidNamespace(): string {
  try {
    return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '0';
  } catch {
    return '0';
  }
}
