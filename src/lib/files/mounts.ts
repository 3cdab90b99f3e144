/**
 * What the kernel's list of mounts says of a path: whether its mount is read-only, and whether it is a mount's own root.
 *
 * On a read-only mount mode bits say little: a Kubernetes Secret is a tmpfs folder of mode 1777, mounted read-only.
 *
 * @module
 */
import { readFileSync, realpathSync } from 'node:fs';

const MOUNTINFO = '/proc/self/mountinfo';

/** Whether the mount that really holds the path is read-only. False where there is no such list. */
export function onReadOnlyMount(path: string, mountinfo = MOUNTINFO): boolean {
  return mountOf(path, mountinfo)?.readOnly ?? false;
}

/** Whether the path is itself the root of a mount, as a volume is in its container. False where there is no such list. */
export function isMountRoot(path: string, mountinfo = MOUNTINFO): boolean {
  return mountOf(path, mountinfo)?.isRoot ?? false;
}

/** What the list says of the mount that a path is on. */
export interface Mount {
  readonly readOnly: boolean;
  readonly isRoot: boolean;
}

function mountOf(path: string, mountinfo: string): Mount | undefined {
  try {
    return mountIn(readFileSync(mountinfo, 'utf8'), realpathSync(path));
  } catch {
    return undefined;
  }
}

/** @param mountinfo the text of `/proc/self/mountinfo`; of the mounts above the path the longest, then the last, counts */
export function mountIn(mountinfo: string, path: string): Mount {
  let best = { length: -1, readOnly: false, isRoot: false };
  for (const line of mountinfo.split('\n')) {
    // 36 35 98:0 /root /mount/point rw,noatime - ext4 /dev/root rw: the point is field 5, the options of the mount 6.
    const fields = line.split(' ');
    const point = fields[4]?.replace(/\\([0-7]{3})/g, (_, digits: string) =>
      String.fromCharCode(Number.parseInt(digits, 8)),
    );
    if (point === undefined) continue;
    const inside = point === '/' || path === point || path.startsWith(`${point}/`);
    // Later lines lie on top of earlier ones.
    if (!inside || point.length < best.length) continue;
    const ofSuper = fields[fields.indexOf('-') + 3] ?? '';
    const readOnly = [fields[5] ?? '', ofSuper].some(list => list.split(',').includes('ro'));
    best = { length: point.length, readOnly, isRoot: path === point };
  }
  return best;
}
