/**
 * Refusals are rate-limited (about 4 per ms), so that a flood of bad requests can't slow down good ones.
 *
 * One thread answers everybody, and an unauthenticated client asks again as soon as it is answered. A refusal therefore
 * waits for its turn: one per turn of the event loop, a few per millisecond. Nobody is locked out: the more wait, the more
 * are let go in a millisecond, and a client that asks alone is answered in that very turn.
 *
 * @module
 */

/** With what comes before and after each refusal, this is less than half of a core. */
const PER_MS = 4;
/** Where more wait, as many go per millisecond that none waits much longer than this; ms. */
const MAX_WAIT_MS = 250;

export interface RefusalQueue {
  /** Resolves when a refusal may be written, in the order of the calls. */
  turn(): Promise<void>;
}

export function createRefusalQueue(): RefusalQueue {
  const queue: (() => void)[] = [];
  let allowance = 0;
  let allowanceSince = Number.NEGATIVE_INFINITY;

  const refill = () => {
    allowanceSince = performance.now();
    allowance = Math.max(PER_MS, Math.ceil(queue.length / MAX_WAIT_MS));
  };
  const step = () => {
    allowance--;
    queue.shift()?.();
    if (queue.length > 0) schedule();
  };
  const schedule = () => {
    if (performance.now() - allowanceSince >= 1) refill();
    if (allowance > 0) setImmediate(step);
    else setTimeout(schedule, 1);
  };

  return {
    turn: () =>
      new Promise(resolve => {
        if (queue.push(resolve) === 1) schedule();
      }),
  };
}

/** One for the process, since all listeners share its thread. */
export const refusalQueue: RefusalQueue = createRefusalQueue();
