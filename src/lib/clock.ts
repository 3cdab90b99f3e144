/**
 * Time, injected. Wall time is for what others date (`exp`, `Expiration`, audit rows); monotonic time for what we measure
 * ourselves (TTLs, overlaps, back-off), since a stepped clock must neither vend expired credentials nor stretch a TTL.
 *
 * @module
 */
export interface Clock {
  /** Milliseconds since the epoch, as the machine's clock has it. May jump. */
  wall(): number;
  /** Milliseconds from an arbitrary origin; never goes back. Doesn't count time in suspension on every platform. */
  monotonic(): number;
  /** Calls `callback` after `ms`; the returned function cancels. Never keeps the process alive. */
  schedule(callback: () => void, ms: number): () => void;
}

/** The machine's own clock. */
export const systemClock: Clock = {
  wall: () => Date.now(),
  monotonic: () => performance.now(),
  schedule(callback, ms) {
    const timer = setTimeout(callback, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
