/**
 * Single flight: one object for a fetch under way tells who began it, who waits for it, and how it is cancelled.
 *
 * @module
 */
import type { Caller } from '../auth/caller.ts';

export class Flight<T> {
  /** Settles with the work's outcome, or rejects as soon as the flight is cancelled. */
  readonly result: Promise<T>;
  /** Whom the audit record names: the caller who began it, or the first who waits for a background fetch. */
  caller: Caller | undefined;
  readonly #cancelled = new AbortController();

  /** @param work begins at once; must heed {@link Flight.signal} */
  constructor(caller: Caller | undefined, work: (flight: Flight<T>) => Promise<T>) {
    this.caller = caller;
    this.result = new Promise((resolve, reject) => {
      this.signal.addEventListener('abort', () => reject(this.signal.reason), { once: true });
      work(this).then(resolve, reject);
    });
    // A background fetch may have nobody who waits; its failure is recorded where it arises.
    this.result.catch(() => {});
  }

  get signal(): AbortSignal {
    return this.#cancelled.signal;
  }

  cancel(reason: Error): void {
    this.#cancelled.abort(reason);
  }
}
