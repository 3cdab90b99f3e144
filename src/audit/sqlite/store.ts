/**
 * The SQLite store as the main thread sees it: a worker thread, asked one thing at a time.
 *
 * @module
 */
import type { Worker } from 'node:worker_threads';
import type { AuditRecord } from '../columns.ts';
import { type Store, StoreError, type Written } from '../store.ts';
import type { WorkerAnswer, WorkerRequest } from './worker.ts';
import { newWorker } from './worker-thread.ts';

const EXIT_MS = 1_000;

/** What is asked, without the database that the store adds. */
type Asked<R = WorkerRequest> = R extends unknown ? Omit<R, 'path'> : never;

/** @param options.worker another worker, for tests of one that hangs or dies */
export function sqliteStore(path: string, options: { worker?: URL } = {}): Store {
  let worker: Worker | undefined;
  let waiting: { resolve: (written: Written | null) => void; reject: (error: StoreError) => void } | undefined;

  function start(): Worker {
    const started = newWorker(options.worker);
    const died = (message: string) => {
      if (worker !== started) return;
      worker = undefined;
      const { reject } = waiting ?? {};
      waiting = undefined;
      reject?.(new StoreError('WORKER_DIED', `the audit worker ended: ${message}`, true));
    };
    started.on('message', (answer: WorkerAnswer) => {
      if (worker !== started) return;
      const asked = waiting;
      waiting = undefined;
      // Nothing is asked: the worker alone shall not keep the process alive.
      started.unref();
      if ('ok' in answer) asked?.resolve(answer.ok);
      else asked?.reject(new StoreError(answer.failed.code, answer.failed.message, answer.failed.passing));
    });
    started.on('error', error => died(error instanceof Error ? error.message : String(error)));
    started.on('exit', code => died(`exit code ${code}`));
    return started;
  }

  function ask(request: Asked): Promise<Written | null> {
    if (waiting !== undefined) return Promise.reject(new StoreError('BUSY', 'one request at a time', true));
    return new Promise((resolve, reject) => {
      worker ??= start();
      waiting = { resolve, reject };
      worker.ref();
      worker.postMessage({ ...request, path } satisfies WorkerRequest);
    });
  }

  return {
    async open() {
      await ask({ do: 'open' });
    },
    async write(rows: readonly AuditRecord[]) {
      const written = await ask({ do: 'write', rows });
      if (written === null) throw new StoreError('INTERNAL', 'the audit worker answered without a head', true);
      return written;
    },
    async close() {
      const ending = worker;
      if (ending === undefined) return;
      // A worker that hangs can't be asked to close, nor be ended: its file is left as it is, which SQLite allows for.
      if (waiting === undefined) {
        // The database is closed for good, its log merged, once the thread is gone.
        const gone = new Promise(resolve => ending.once('exit', resolve));
        await ask({ do: 'close' }).catch(() => {});
        ending.ref();
        await Promise.race([gone, new Promise(resolve => setTimeout(resolve, EXIT_MS).unref())]);
      }
      worker = undefined;
      waiting?.reject(new StoreError('CLOSED', 'closed while a write was under way', true));
      waiting = undefined;
      ending.unref();
    },
  };
}
