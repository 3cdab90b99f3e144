/**
 * A promise with a limit on how long somebody waits for it. What it stands for goes on: nothing is cancelled.
 *
 * @module
 */
import type { Clock } from './clock.ts';

/** Settles as `work` does, or rejects with `late()` after `ms`. */
export function within<T>(work: Promise<T>, ms: number, clock: Clock, late: () => Error): Promise<T> {
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
