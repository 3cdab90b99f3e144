/**
 * At most a few exchanges at once, first come first served. A place is held for as long as a call takes at most, so one
 * that hangs delays the others by STS's timeout and no longer.
 *
 * @module
 */
export class Limiter {
  #free: number;
  readonly #queue = new Set<() => void>();

  constructor(places: number) {
    this.#free = places;
  }

  /**
   * Resolves with a place; the function gives it back, once.
   *
   * @throws the signal's reason, when that comes first; no place is taken then
   */
  async acquire(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#free > 0) this.#free--;
    else await this.#turn(signal);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      const next = this.#queue.values().next().value;
      // The place goes straight to the next in line, so that nobody can slip in between.
      if (next === undefined) this.#free++;
      else next();
    };
  }

  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#queue.delete(enter);
        reject(signal.reason);
      };
      const enter = () => {
        this.#queue.delete(enter);
        signal.removeEventListener('abort', leave);
        resolve();
      };
      this.#queue.add(enter);
      signal.addEventListener('abort', leave, { once: true });
    });
  }
}
