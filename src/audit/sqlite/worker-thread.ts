/**
 * The thread that writes the SQLite audit log: where its code is, and one that is started before its store is known.
 *
 * @module
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { StoreError } from '../store.ts';

const FILE = 'audit-worker.js';

/** In the bundle the worker lies beside this code; from the sources (in tests) the built one is taken. */
function workerUrl(): URL {
  const beside = new URL(`./${FILE}`, import.meta.url);
  if (existsSync(fileURLToPath(beside))) return beside;
  const built = new URL(`../../../dist/${FILE}`, import.meta.url);
  if (existsSync(fileURLToPath(built))) return built;
  throw new StoreError('WORKER_MISSING', `${fileURLToPath(beside)} is missing: build first (npm run build)`, false);
}

/**
 * @param url of another worker, for tests
 * @throws StoreError where the program isn't built
 */
export function newWorker(url: URL = workerUrl()): Worker {
  return new Worker(url, { execArgv: [], name: 'audit' });
}

/** Before there is a store that could say why not: undefined where the thread can't be started, which the store will find. */
function tryNewWorker(): Worker | undefined {
  try {
    return newWorker();
  } catch {
    return undefined;
  }
}

let ahead: Worker | undefined;

/**
 * Starts the thread before it's known what it will write to: it takes tens of milliseconds, in which the program is
 * loaded and the configuration read. The next store takes it; it doesn't keep the process alive, and one that fails is
 * no loss.
 */
export function startWorkerAhead(): void {
  if (ahead !== undefined) return;
  const worker = tryNewWorker();
  if (worker === undefined) return;
  const forget = () => {
    if (ahead === worker) ahead = undefined;
  };
  ahead = worker.on('error', forget).on('exit', forget);
  worker.unref();
}

/** Ends a thread that no store has taken. */
export function endWorkerAhead(): void {
  const unused = takeWorkerAhead();
  void unused?.terminate();
}

export function takeWorkerAhead(): Worker | undefined {
  const taken = ahead;
  ahead = undefined;
  return taken;
}
