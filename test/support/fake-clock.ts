/**
 * A clock that moves only when a test says so.
 *
 * @module
 */
import type { Clock } from '../../src/lib/clock.ts';

export interface FakeClock extends Clock {
  /** Moves wall and monotonic time together, firing due timers in order and letting their promises settle. */
  advance(ms: number): Promise<void>;
  /** Steps the wall clock alone, as NTP or an administrator would. */
  stepWall(ms: number): void;
  /** Timers that are waiting. */
  readonly pending: number;
}

/** @param start wall time in ms; default 2026-01-01T00:00:00Z */
export function fakeClock(start: number = Date.UTC(2026, 0, 1)): FakeClock {
  let wall = start;
  let mono = 1_000;
  const timers = new Set<{ at: number; callback: () => void }>();
  const settle = () => new Promise<void>(resolve => setImmediate(resolve));
  return {
    wall: () => wall,
    monotonic: () => mono,
    schedule(callback, ms) {
      const timer = { at: mono + Math.max(0, ms), callback };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    async advance(ms) {
      const end = mono + ms;
      await settle();
      for (;;) {
        const due = [...timers].filter(t => t.at <= end).sort((a, b) => a.at - b.at)[0];
        if (due === undefined) break;
        timers.delete(due);
        wall += Math.max(0, due.at - mono);
        mono = Math.max(mono, due.at);
        due.callback();
        await settle();
      }
      wall += end - mono;
      mono = end;
      await settle();
    },
    stepWall(ms) {
      wall += ms;
    },
    get pending() {
      return timers.size;
    },
  };
}
