/**
 * A moment as people write it on a command line: `7d` (that long ago), `2026-01-31`, `2026-01-31T12:00:00Z`.
 *
 * @module
 */

import { UsageError } from '../errors.ts';
import { parseDuration } from './duration.ts';

const DATE = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2}))?$/;

/**
 * @param flag for the error message
 * @param now unix milliseconds
 * @returns unix seconds
 * @throws UsageError
 */
export function parseMoment(text: string, flag: string, now: number): number {
  if (DATE.test(text)) {
    const at = Date.parse(text);
    if (!Number.isNaN(at)) return Math.floor(at / 1000);
  }
  try {
    return Math.floor((now - parseDuration(text)) / 1000);
  } catch {
    throw new UsageError(`${flag} ${text}: write how long ago (7d, 12h) or a date (2026-01-31, 2026-01-31T12:00:00Z)`);
  }
}
