/**
 * Reading a small secret file whole: opened once, judged by the descriptor that is then read, so that nothing can be
 * swapped in between. Symbolic links are followed: Kubernetes projects tokens and Secrets as links.
 *
 * @module
 */
import { constants, type Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/** Why a file could not be read, as a half sentence without the path. */
export class UnreadableFile extends Error {
  override readonly name = 'UnreadableFile';
  /** The system's code (`ENOENT`, …), `EFBIG` for one over the limit, `EFTYPE` for what is no regular file. */
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'this process may not read it',
  ENOTDIR: 'a part of its path is no folder',
  ELOOP: 'its symbolic links go in a circle',
  EISDIR: 'it is a folder',
};

/**
 * @param maxBytes a larger file is refused unread
 * @throws UnreadableFile
 */
export async function readSecret(path: string, maxBytes: number): Promise<{ text: string; stats: Stats }> {
  let handle: FileHandle;
  try {
    // Without O_NONBLOCK a pipe in the file's place would hang the call for ever.
    handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw unreadable(error);
  }
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw new UnreadableFile('EFTYPE', 'it is no regular file');
    const bytes = Buffer.alloc(maxBytes + 1);
    let length = 0;
    for (;;) {
      const { bytesRead } = await handle.read(bytes, length, bytes.length - length, null);
      if (bytesRead === 0) break;
      length += bytesRead;
      if (length > maxBytes) throw new UnreadableFile('EFBIG', `it is larger than ${maxBytes} bytes`);
    }
    return { text: bytes.toString('utf8', 0, length), stats };
  } catch (error) {
    throw unreadable(error);
  } finally {
    await handle.close();
  }
}

function unreadable(error: unknown): UnreadableFile {
  if (error instanceof UnreadableFile) return error;
  const code = (error as NodeJS.ErrnoException).code ?? 'EIO';
  return new UnreadableFile(code, REASONS[code] ?? `reading it fails with ${code}`);
}
