/**
 * Reads a small file as text, or says why it can't be read.
 *
 * The file is opened once and checked by the descriptor that is then read, so nobody can swap it in between. Links are
 * followed, since Kubernetes projects tokens and Secrets as links.
 *
 * @module
 */
import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/** A container engine makes an empty one where the source of a bind mount isn't there. */
const DIRECTORY = "a directory, not a file; if it is a container's mount, its source on the host isn't there";

/** Enough for more than ten thousand workloads. */
const MAX_BYTES = 4 * 1024 * 1024;

/** Why a file isn't readable text. `reason` lets the caller treat a missing one differently. */
export class UnreadableFile extends Error {
  override readonly name = 'UnreadableFile';
  readonly reason: 'missing' | 'denied' | 'ownership' | 'kind' | 'size' | 'encoding' | 'failed';

  constructor(reason: UnreadableFile['reason'], message: string) {
    super(message);
    this.reason = reason;
  }
}

export interface ReadFile {
  readonly text: string;
  /** Of the very file that was read. */
  readonly stats: Stats;
  /** Whether the text began with a byte order mark, which is left in it. */
  readonly bom: boolean;
}

/** Without O_NONBLOCK a pipe in the file's place would hang the call for ever. */
const FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/**
 * A FIFO doesn't block, a directory or a device is refused, and never more than the limit is read.
 *
 * @param limit bytes, default 4 MiB
 * @throws UnreadableFile; its message doesn't name the file, the caller's does
 */
export function readText(path: string, limit: number = MAX_BYTES): ReadFile {
  let fd: number;
  try {
    fd = openSync(path, FLAGS);
  } catch (error) {
    throw whyNot(error);
  }
  try {
    const reading = startReading(fstatSync(fd), limit);
    while (reading.took(readSync(fd, reading.buffer())));
    return reading.end();
  } catch (error) {
    throw error instanceof UnreadableFile ? error : whyNot(error);
  } finally {
    closeSync(fd);
  }
}

/**
 * The same, asynchronously, for files that are read while requests are served.
 *
 * @throws UnreadableFile
 */
export async function readTextAsync(path: string, limit: number): Promise<ReadFile> {
  let handle: FileHandle;
  try {
    handle = await open(path, FLAGS);
  } catch (error) {
    throw whyNot(error);
  }
  try {
    const reading = startReading(await handle.stat(), limit);
    while (reading.took((await handle.read(reading.buffer())).bytesRead));
    return reading.end();
  } catch (error) {
    throw error instanceof UnreadableFile ? error : whyNot(error);
  } finally {
    await handle.close();
  }
}

/** Shared by both: the buffer has a byte more than the limit, so a file that is too large shows. */
function startReading(stats: Stats, limit: number) {
  if (!stats.isFile()) throw new UnreadableFile('kind', stats.isDirectory() ? DIRECTORY : 'not a regular file');
  let bytes = Buffer.alloc(Math.min(stats.size, limit) + 1);
  let length = 0;
  return {
    /** A file of /proc says size 0 and has content: it grows until the limit. */
    buffer(): Buffer {
      if (length === bytes.length) bytes = Buffer.concat([bytes, Buffer.alloc(Math.min(65_536, limit + 1 - length))]);
      return bytes.subarray(length);
    },
    /** @returns whether to go on */
    took(count: number): boolean {
      length += count;
      if (length > limit) throw new UnreadableFile('size', `larger than ${limit} bytes`);
      return count > 0;
    },
    end: (): ReadFile => ({ ...decode(bytes.subarray(0, length)), stats }),
  };
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
