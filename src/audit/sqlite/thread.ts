/**
 * The worker thread as the main thread sees it: one request at a time, and no new thread before the last one has ended.
 *
 * @module
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { StoreError } from '../store.ts';
import type { WorkerAnswer, WorkerNotice, WorkerRequest } from './worker.ts';

const FILE = 'audit-worker.js';
/** A batch is short-lived: a small young generation is reused instead of growing. */
const LIMITS = { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 96 };

export type Answer = Exclude<WorkerAnswer, { readonly failed: unknown }>;

export class WriterThread {
  readonly #url: URL | undefined;
  readonly #onNotice: (text: string) => void;
  #worker: Worker | undefined;
  /** The end of the thread before: until then it has the files open. */
  #ended: Promise<unknown> = Promise.resolve();
  #waiting: { resolve: (answer: Answer) => void; reject: (error: StoreError) => void } | undefined;

  /** @param url of another worker, for tests of one that hangs or dies */
  constructor(onNotice: (text: string) => void, url?: URL) {
    this.#onNotice = onNotice;
    this.#url = url;
  }

  /** Whether the thread runs and has its database open. */
  get running(): boolean {
    return this.#worker !== undefined;
  }

  /** Whether a request is under way. */
  get busy(): boolean {
    return this.#waiting !== undefined;
  }

  /** @throws StoreError */
  async ask(request: WorkerRequest): Promise<Answer> {
    if (this.#worker === undefined) {
      await this.#ended;
      this.#worker ??= this.#start();
    }
    const worker = this.#worker;
    if (this.#waiting !== undefined) throw new StoreError('BUSY', 'one request at a time', true);
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      worker.ref();
      worker.postMessage(request);
    });
  }

  /** Resolves when the thread has ended, which closes its files. */
  async ended(): Promise<void> {
    await this.#ended;
  }

  /** Leaves a thread that hangs to itself. SQLite recovers its file as after a crash. */
  abandon(): void {
    this.#settle()?.reject(new StoreError('CLOSED', 'closed while a write was under way', true));
    this.#worker?.unref();
    this.#worker = undefined;
  }

  #start(): Worker {
    const worker = new Worker(this.#url ?? workerUrl(), { execArgv: [], name: 'audit', resourceLimits: LIMITS });
    this.#ended = new Promise(resolve => worker.once('exit', resolve));
    worker.on('message', (answer: WorkerAnswer | WorkerNotice) => {
      if ('notice' in answer) this.#onNotice(answer.notice);
      else this.#answered(worker, answer);
    });
    worker.on('error', error => this.#died(worker, error instanceof Error ? error.message : String(error)));
    worker.on('exit', code => this.#died(worker, `exit code ${code}`));
    return worker;
  }

  #answered(worker: Worker, answer: WorkerAnswer): void {
    if (worker !== this.#worker) return;
    const asked = this.#settle();
    if ('closed' in answer || 'changed' in answer || ('failed' in answer && answer.ended)) this.#worker = undefined;
    // Nothing is asked: an idle thread doesn't keep the process alive.
    else worker.unref();
    if ('failed' in answer) {
      const { code, message, transient } = answer.failed;
      asked?.reject(new StoreError(code, message, transient));
    } else asked?.resolve(answer);
  }

  #died(worker: Worker, message: string): void {
    if (worker !== this.#worker) return;
    this.#worker = undefined;
    this.#settle()?.reject(new StoreError('WORKER_DIED', `the audit worker ended: ${message}`, true));
  }

  #settle() {
    const asked = this.#waiting;
    this.#waiting = undefined;
    return asked;
  }
}

/** In the bundle the worker lies beside this code; the sources (in tests) take the built one. */
function workerUrl(): URL {
  const beside = new URL(`./${FILE}`, import.meta.url);
  if (existsSync(fileURLToPath(beside))) return beside;
  const built = new URL(`../../../dist/${FILE}`, import.meta.url);
  if (existsSync(fileURLToPath(built))) return built;
  throw new StoreError('WORKER_MISSING', `${fileURLToPath(beside)} is missing: build first (npm run build)`, false);
}
