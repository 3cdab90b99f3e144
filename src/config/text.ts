/**
 * The bytes of the configuration file as text, or a finding that says why not.
 *
 * @module
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

/** A container engine makes an empty one where the source of a bind mount isn't there. */
const DIRECTORY = "a directory, not a file; if it is a container's mount, its source on the host isn't there";

/** Room for more than ten thousand workloads. */
const MAX_BYTES = 4 * 1024 * 1024;

/** Why a file isn't readable text. `reason` lets the caller treat a missing one differently. */
export class UnreadableFile extends Error {
  override readonly name = 'UnreadableFile';
  readonly reason: 'missing' | 'denied' | 'kind' | 'size' | 'encoding' | 'failed';

  constructor(reason: UnreadableFile['reason'], message: string) {
    super(message);
    this.reason = reason;
  }
}

/** Mode bits and owner of the very file that was read. */
export interface ReadFile {
  readonly text: string;
  readonly mode: number;
  /** Whether the text began with a byte order mark, which is left in it. */
  readonly bom: boolean;
}

/**
 * Opens once, checks and reads through the same descriptor, so that nothing can be swapped in between. A FIFO doesn't
 * block, a directory or a device is refused, and never more than the limit is read.
 *
 * @param limit bytes, default 4 MiB
 * @throws UnreadableFile; its message doesn't name the file, the caller's does
 */
export function readText(path: string, limit: number = MAX_BYTES): ReadFile {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    throw whyNot(error);
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw new UnreadableFile('kind', stat.isDirectory() ? DIRECTORY : 'not a regular file');
    const buffer = Buffer.alloc(Math.min(stat.size, limit) + 1);
    let length = 0;
    let bytes = buffer;
    for (;;) {
      // A file of /proc says size 0 and has content: grow until the limit.
      if (length === bytes.length) {
        if (length > limit) break;
        bytes = Buffer.concat([bytes, Buffer.alloc(Math.min(65_536, limit + 1 - length))]);
      }
      const got = readSync(fd, bytes, length, bytes.length - length, null);
      if (got === 0) break;
      length += got;
    }
    if (length > limit) throw new UnreadableFile('size', `larger than ${limit} bytes`);
    return { ...decode(bytes.subarray(0, length)), mode: stat.mode & 0o7777 };
  } catch (error) {
    throw error instanceof UnreadableFile ? error : whyNot(error);
  } finally {
    closeSync(fd);
  }
}

function decode(bytes: Uint8Array): { text: string; bom: boolean } {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return { text, bom: text.startsWith('\uFEFF') };
  } catch {
    const utf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
    throw new UnreadableFile('encoding', `not UTF-8${utf16 ? ' but UTF-16' : ''}; save it as UTF-8`);
  }
}

function whyNot(error: unknown): UnreadableFile {
  const code = (error as { code?: unknown }).code;
  if (code === 'ENOENT' || code === 'ENOTDIR') return new UnreadableFile('missing', 'no such file');
  if (code === 'EACCES' || code === 'EPERM')
    return new UnreadableFile('denied', "may not be read by this process's user");
  if (code === 'ELOOP') return new UnreadableFile('failed', 'a link that points to itself');
  return new UnreadableFile('failed', `can't be read (${typeof code === 'string' ? code : 'unknown error'})`);
}
