/**
 * Dates as text.
 *
 * @module
 */

/**
 * `YYYY-MM-DDTHH:MM:SSZ`: whole seconds, literal `Z`, rounded down. Swift can't read a fraction and would never refresh.
 *
 * @param ms since the epoch
 */
export function isoSeconds(ms: number): string {
  return `${new Date(Math.floor(ms / 1000) * 1000).toISOString().slice(0, 19)}Z`;
}
