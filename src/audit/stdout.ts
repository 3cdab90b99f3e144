/**
 * The audit log on standard output, one JSON line a record, for a log collector to keep.
 *
 * A record counts as durable once the whole line was written. Records are chained as in a database; `id` is `seq`.
 *
 * @module
 */
import { write } from 'node:fs';
import { promisify } from 'node:util';
import { emptyHead, link, newWriter } from './chain.ts';
import { normalised } from './columns.ts';
import { type Store, StoreError } from './store.ts';

const writeTo = promisify(write);
const PAUSE_MS = 10;

/** @param fd an open file descriptor; default standard output */
export function stdoutStore(fd: number = 1): Store {
  let head = emptyHead(newWriter());
  let broken = false;
  let closed = false;

  /** Asynchronous, so that a pipe that nobody reads doesn't block the process. */
  async function put(text: string): Promise<void> {
    const bytes = Buffer.from(text);
    for (let done = 0; done < bytes.length; ) {
      try {
        done += (await writeTo(fd, bytes, done, bytes.length - done)).bytesWritten;
      } catch (error) {
        if (closed || (error as { code?: unknown }).code !== 'EAGAIN') throw error;
        await new Promise(resolve => setTimeout(resolve, PAUSE_MS));
      }
    }
  }

  return {
    async open() {},
    async write(records) {
      const start = head;
      const linked = link(start, records.map(normalised), index => start.seq + 1 + index);
      const last = linked.at(-1);
      if (last === undefined) return { head, freeBytes: undefined };
      const text = linked.map(record => `${JSON.stringify({ type: 'mint_log', ...record })}\n`).join('');
      try {
        // An earlier write may have ended within a line: the new line ends it.
        await put(broken ? `\n${text}` : text);
      } catch (error) {
        broken = true;
        // Some of the records may be out: another chain begins, so that no number is given twice.
        head = emptyHead(newWriter());
        const { code, message } = error as NodeJS.ErrnoException;
        throw new StoreError(code ?? 'EIO', `standard output: ${message}`, true, { cause: error });
      }
      broken = false;
      head = { writer: start.writer, seq: last.seq ?? 0, hash: last.hash ?? '' };
      return { head, freeBytes: undefined };
    },
    async close() {
      closed = true;
    },
  };
}
