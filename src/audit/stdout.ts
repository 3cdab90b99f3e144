/**
 * A row as a JSON line on standard output, for those whose log collector is the audit log. The write is the condition: a row
 * counts as durable once the whole line has been taken. Chained like any other; `id` is the row's `seq`.
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

  /** Asynchronously: a pipe that nobody reads shall not stop the process. */
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
    async write(rows) {
      const start = head;
      const linked = link(start, rows.map(normalised), index => start.seq + 1 + index);
      const last = linked.at(-1);
      if (last === undefined) return { head, freeBytes: undefined };
      // A line that broke off before is ended first, so that this one can be read.
      const text = linked.map(row => `${JSON.stringify({ type: 'mint_log', ...row })}\n`).join('');
      try {
        await put(broken ? `\n${text}` : text);
      } catch (error) {
        broken = true;
        // Some of the rows may be out: another chain begins, so that no number is given twice.
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
