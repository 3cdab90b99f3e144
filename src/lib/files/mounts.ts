/**
 * Whether a file lies on a mount that can't be written, by the kernel's own list: there the mode bits say little, since a
 * Kubernetes Secret is a tmpfs folder of mode 1777, mounted read-only.
 *
 * @module
 */
import { readFileSync, realpathSync } from 'node:fs';

/** Whether the mount that really holds the path is read-only. False where there is no such list. */
export function onReadOnlyMount(path: string, mountinfo = '/proc/self/mountinfo'): boolean {
  try {
    return readOnlyIn(readFileSync(mountinfo, 'utf8'), realpathSync(path));
  } catch {
    return false;
  }
}

/** @param mountinfo the text of `/proc/self/mountinfo`; of the mounts above the path the longest, then the last, counts */
export function readOnlyIn(mountinfo: string, path: string): boolean {
  let best = { length: -1, readOnly: false };
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
    best = { length: point.length, readOnly: [fields[5] ?? '', ofSuper].some(list => list.split(',').includes('ro')) };
  }
  return best.readOnly;
}
