/**
 * The SQLite store as the main thread sees it: a worker thread, asked one thing at a time.
 *
 * @module
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { NewRow } from './columns.ts';
import { type Store, StoreError, type Written } from './store.ts';
import type { WorkerAnswer, WorkerRequest } from './worker.ts';

/** In the bundle the worker lies beside this code; from the sources (in tests) the built one is taken. */
function workerUrl(): URL {
  const beside = new URL('./audit-worker.js', import.meta.url);
  if (existsSync(fileURLToPath(beside))) return beside;
  const built = new URL('../../dist/audit-worker.js', import.meta.url);
  if (existsSync(fileURLToPath(built))) return built;
  throw new StoreError('WORKER_MISSING', `${fileURLToPath(beside)} is missing: build first (npm run build)`, false);
}

const EXIT_MS = 1_000;

/** What is asked, without the database that the store adds. */
type Asked<R = WorkerRequest> = R extends unknown ? Omit<R, 'path'> : never;

let ahead: Worker | undefined;

/**
 * Starts the thread before it's known what it will write to: it takes tens of milliseconds, in which the configuration is
 * read. The next store takes it; it doesn't keep the process alive, and one that fails is no loss.
 */
export function startWorkerAhead(): void {
  let url: URL;
  try {
    url = workerUrl();
  } catch {
    return;
  }
  const started = newWorker(url);
  const forget = () => {
    if (ahead === started) ahead = undefined;
  };
  ahead = started.on('error', forget).on('exit', forget);
  started.unref();
}

/** Ends a thread that no store has taken. */
export function endWorkerAhead(): void {
  const unused = takeWorkerAhead();
  void unused?.terminate();
}

function takeWorkerAhead(): Worker | undefined {
  const taken = ahead;
  ahead = undefined;
  return taken;
}

function newWorker(url: URL): Worker {
  return new Worker(url, { execArgv: [], name: 'audit' });
}

/** @param options.worker another worker, for tests of one that hangs or dies */
export function sqliteStore(path: string, options: { worker?: URL } = {}): Store {
  let worker: Worker | undefined;
  let waiting: { resolve: (written: Written | null) => void; reject: (error: StoreError) => void } | undefined;

  function start(): Worker {
    const prepared = options.worker === undefined ? takeWorkerAhead() : undefined;
    const started = prepared ?? newWorker(options.worker ?? workerUrl());
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
    async write(rows: readonly NewRow[]) {
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
