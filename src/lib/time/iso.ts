/**
 * Dates as text.
 *
 * @module
 */

/** As far from 1970 as a Date reaches. */
const MAX_MS = 8.64e15;

/**
 * `YYYY-MM-DDTHH:MM:SSZ`: whole seconds, literal `Z`, rounded down. Swift can't read a fraction and would never refresh.
 *
 * @param ms since the epoch; beyond what a date can hold, the number itself is shown
 */
export function isoSeconds(ms: number): string {
  if (!(Math.abs(ms) <= MAX_MS)) return String(ms);
  return `${new Date(Math.floor(ms / 1000) * 1000).toISOString().slice(0, 19)}Z`;
}
