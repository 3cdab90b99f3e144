/**
 * How much one caller may mint: five a second with bursts of thirty, and 256 mints in flight at the broker as a whole.
 *
 * A token bucket per workload identity, refilled by monotonic time. A bucket that is full again is forgotten, so their number
 * is bounded by the mints of the last six seconds.
 *
 * @module
 */
import { LRUCache } from 'lru-cache';
import type { Clock } from '../../lib/clock.ts';
import { RateLimited } from './errors.ts';

export interface RateLimits {
  /** Mints a second, per caller. */
  readonly perSecond: number;
  readonly burst: number;
  readonly inFlight: number;
}

export const RATE_LIMITS: RateLimits = { perSecond: 5, burst: 30, inFlight: 256 };

export interface RateLimiter {
  /** Counts a request as in flight. @returns the function that ends it @throws RateLimited */
  enter(): () => void;
  /** Takes one mint of a caller's. @param id the workload's identity @throws RateLimited with the seconds to wait */
  take(id: string): void;
}

export function createRateLimiter(clock: Clock, limits: RateLimits = RATE_LIMITS): RateLimiter {
  const { perSecond, burst, inFlight } = limits;
  const buckets = new LRUCache<string, { level: number; at: number }>({
    max: 10_000,
    ttl: Math.ceil((burst / perSecond) * 1_000),
    ttlResolution: 0,
    perf: { now: () => clock.monotonic() },
  });
  let current = 0;
  return {
    enter() {
      if (current >= inFlight)
        throw new RateLimited(`more than ${inFlight} requests at once; ask again in a second`, 1);
      current++;
      let left = false;
      return () => {
        if (!left) current--;
        left = true;
      };
    },
    take(id) {
      const now = clock.monotonic();
      const bucket = buckets.get(id) ?? { level: burst, at: now };
      const level = Math.min(burst, bucket.level + ((now - bucket.at) / 1_000) * perSecond);
      if (level < 1) {
        const wait = Math.max(1, Math.ceil((1 - level) / perSecond));
        throw new RateLimited(`more than ${perSecond} mints a second; ask again in ${wait} s`, wait);
      }
      buckets.set(id, { level: level - 1, at: now });
    },
  };
}
