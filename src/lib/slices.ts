/**
 * Long computations in slices, so that requests are answered in between.
 *
 * @module
 */
import { setImmediate } from 'node:timers/promises';

/**
 * Runs a generator to its end. A `yield` marks a place where it may stop for one turn of the event loop, which it does once
 * `sliceMs` have passed. What happens between two `yield`s is never interrupted.
 *
 * @returns the generator's own result; rejects with what it throws
 */
export async function inSlices<T>(steps: Generator<void, T>, sliceMs = 10): Promise<T> {
  let since = performance.now();
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    if (performance.now() - since < sliceMs) continue;
    await setImmediate();
    since = performance.now();
  }
}
