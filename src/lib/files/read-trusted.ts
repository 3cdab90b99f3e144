/**
 * Reads a file whose content decides what others get, while requests are served: a token, a bearer, keys of an issuer.
 *
 * @module
 */
import { fileFindings } from './ownership.ts';
import { type ReadFile, readTextAsync, UnreadableFile } from './read-text.ts';

/**
 * @param limit bytes
 * @throws UnreadableFile, also where somebody else can choose the content; its message doesn't name the file
 */
export async function readTrusted(path: string, limit: number): Promise<ReadFile> {
  const file = await readTextAsync(path, limit);
  const refusal = fileFindings(path, file.stats, { worldReadable: 'warn' }).find(({ refused }) => refused);
  if (refusal !== undefined) throw new UnreadableFile('ownership', refusal.message);
  return file;
}
