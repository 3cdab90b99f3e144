/**
 * A promise with a time limit. The work itself goes on: nothing is cancelled.
 *
 * @module
 */
import type { Clock } from './clock.ts';

/** Settles as `work` does, or rejects with `late()` after `ms`. */
export function withTimeout<T>(work: Promise<T>, ms: number, clock: Clock, late: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.schedule(() => reject(late()), ms);
    work.then(
      value => {
        cancel();
        resolve(value);
      },
      error => {
        cancel();
        reject(error);
      },
    );
  });
}
