/**
 * The thread that writes the SQLite audit log: where its code is.
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
