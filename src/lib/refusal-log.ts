/**
 * Refusals in the log: up to ten lines a second for each reason, and beyond that a sum a minute. One client that asks as fast
 * as it can would otherwise write gigabytes an hour.
 *
 * @module
 */
import type { Clock } from './clock.ts';
import type { Logger } from './log.ts';

const LINES_A_SECOND = 10;
const SUM_EVERY_MS = 60_000;

/** @param reason one of few: a listener and an error's code, never text of a request */
export type RefusalLog = (reason: string, fields: Readonly<Record<string, unknown>>) => void;

interface Reason {
  /** Monotonic ms. */
  since: number;
  /** In the second from `since` on. */
  lines: number;
  /** Without a line, since the last sum. */
  unlogged: number;
}

export function createRefusalLog(options: {
  readonly log: Logger;
  readonly clock: Clock;
  /** Default `info`, with the message `refused`; an `error` has the message `failed`. */
  readonly level?: 'info' | 'error';
}): RefusalLog {
  const { log, clock, level = 'info' } = options;
  const reasons = new Map<string, Reason>();

  return (reason, fields) => {
    const now = clock.monotonic();
    let known = reasons.get(reason);
    if (known === undefined) {
      known = { since: now, lines: 0, unlogged: 0 };
      reasons.set(reason, known);
    }
    if (now - known.since >= 1_000) {
      known.since = now;
      known.lines = 0;
    }
    if (known.lines < LINES_A_SECOND) {
      known.lines += 1;
      log[level](fields, level === 'error' ? 'failed' : 'refused');
      return;
    }
    known.unlogged += 1;
    if (known.unlogged === 1) sumLater(reason, known);
  };

  function sumLater(reason: string, known: Reason): void {
    clock.schedule(() => {
      log[level]({ refused: reason, count: known.unlogged }, 'refusals of the last minute without a line of their own');
      known.unlogged = 0;
    }, SUM_EVERY_MS);
  }
}
