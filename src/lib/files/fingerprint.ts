/**
 * What tells one file from another of the same name, and from itself after a change.
 *
 * @module
 */
import type { BigIntStats } from 'node:fs';

/** Device, inode, size and times. A change of mode or owner shows in the time of the last change. */
export function fingerprint({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(':');
}
