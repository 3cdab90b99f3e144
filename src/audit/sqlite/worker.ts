/**
 * The worker thread that writes the SQLite audit log: a slow or hanging disk blocks this thread and nobody else.
 *
 * It takes one message at a time and answers each: `{ ok: Written }` or `{ failed: { code, message, passing } }`.
 *
 * @module
 */
import { parentPort } from 'node:worker_threads';
import type { AuditRecord } from '../columns.ts';
import { StoreError, type Written } from '../store.ts';
import { SqliteFile } from './file.ts';

/** What the main thread asks, of one and the same database each time. */
export type WorkerRequest = { readonly path: string } & (
  | { readonly do: 'open' }
  | { readonly do: 'write'; readonly rows: readonly AuditRecord[] }
  | { readonly do: 'close' }
);

/** What the worker answers. */
export type WorkerAnswer =
  | { readonly ok: Written | null }
  | { readonly failed: { readonly code: string; readonly message: string; readonly passing: boolean } };

let opened: SqliteFile | undefined;

function handle(request: WorkerRequest): Written | null {
  opened ??= new SqliteFile(request.path);
  const file = opened;
  switch (request.do) {
    case 'open':
      file.open();
      return null;
    case 'write':
      return file.write(request.rows);
    case 'close':
      file.close();
      return null;
  }
}

parentPort?.on('message', (request: WorkerRequest) => {
  let answer: WorkerAnswer;
  try {
    answer = { ok: handle(request) };
  } catch (error) {
    const { code, message, passing } =
      error instanceof StoreError ? error : new StoreError('INTERNAL', String(error), true);
    answer = { failed: { code, message, passing } };
  }
  parentPort?.postMessage(answer);
  if (request.do === 'open') opened?.prepare();
  if (request.do === 'close') parentPort?.close();
});
