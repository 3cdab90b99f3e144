/**
 * The worker thread that writes the SQLite audit log: a slow or hanging disk blocks this thread and nothing else.
 *
 * It opens one database once, takes one request at a time and answers each. After a failure that costs the connection the
 * thread ends, which closes every handle.
 *
 * @module
 */
import { parentPort } from 'node:worker_threads';
import type { Head } from '../chain.ts';
import type { AuditRecord } from '../columns.ts';
import { StoreError, type Written } from '../store.ts';
import { checkLog } from './check.ts';
import { leavesConnectionUsable, sqliteError } from './errors.ts';
import { FilesChanged, SqliteFile } from './file.ts';
import type { Change } from './files.ts';

export type WorkerRequest =
  | { readonly do: 'open'; readonly path: string; readonly previous: Head | undefined; readonly check: boolean }
  | { readonly do: 'write'; readonly records: readonly AuditRecord[] }
  | { readonly do: 'close' };

export type WorkerAnswer =
  /** `continued`: the database holds the previous head. */
  | { readonly opened: { readonly continued: boolean } }
  | { readonly written: Written }
  /** The thread ends. `committed`: to the files that were there before. */
  | { readonly changed: { readonly change: Change; readonly head: Head | undefined; readonly committed: boolean } }
  /** `ended`: the thread ends. */
  | {
      readonly failed: { readonly code: string; readonly message: string; readonly transient: boolean };
      readonly ended: boolean;
    }
  | { readonly closed: true };

/** What the check of the whole log found; comes whenever it does. */
export interface WorkerNotice {
  readonly notice: string;
}

let file: SqliteFile | undefined;

function handle(request: WorkerRequest): WorkerAnswer {
  switch (request.do) {
    case 'open': {
      file = new SqliteFile(request.path);
      const continued = request.previous === undefined || file.continueFrom(request.previous);
      return { opened: { continued } };
    }
    case 'write':
      if (file === undefined) throw new StoreError('INTERNAL', 'written before it was opened', true);
      return { written: file.write(request.records) };
    case 'close':
      return { closed: true };
  }
}

function opened({ path, check }: WorkerRequest & { do: 'open' }): void {
  file?.prepare();
  if (!check || file === undefined) return;
  const notify = (notice: string) => parentPort?.postMessage({ notice } satisfies WorkerNotice);
  checkLog(file.connection, path, () => file === undefined).then(
    notices => notices.forEach(notify),
    error => notify(sqliteError(error, path).message),
  );
}

function end(): void {
  file?.close();
  file = undefined;
  parentPort?.close();
}

parentPort?.on('message', (request: WorkerRequest) => {
  try {
    parentPort?.postMessage(handle(request));
    if (request.do === 'open') opened(request);
    if (request.do === 'close') end();
  } catch (error) {
    if (error instanceof FilesChanged) {
      const { change, head, committed } = error;
      parentPort?.postMessage({ changed: { change, head, committed } } satisfies WorkerAnswer);
      return end();
    }
    const failure = sqliteError(error, request.do === 'open' ? request.path : '');
    const { code, message, transient } = failure;
    const ended = file === undefined || !leavesConnectionUsable(failure);
    parentPort?.postMessage({ failed: { code, message, transient }, ended } satisfies WorkerAnswer);
    if (ended) end();
  }
});
