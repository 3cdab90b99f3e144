/**
 * Durations as people write them: `15m`, `1h`, `500ms`, `1h30m`.
 *
 * @module
 */
import { InvalidValue } from '../invalid-value.ts';

const UNITS: readonly (readonly [string, number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
];

const FORM = /^(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m(?!s))?(?:(\d{1,9})s)?(?:(\d{1,9})ms)?$/;

/**
 * Whole numbers with units, the larger unit first, each at most once. A bare `0` needs no unit.
 *
 * @returns milliseconds
 * @throws InvalidValue
 */
export function parseDuration(text: string): number {
  if (text === '0') return 0;
  const match = FORM.exec(text);
  if (text === '' || match === null) {
    const unit = /^\d+$/.test(text) ? 'it has no unit; ' : '';
    throw new InvalidValue(`not a duration: ${unit}write it as 15m, 1h, 30s or 500ms`);
  }
  return UNITS.reduce((sum, [, ms], i) => sum + Number(match[i + 1] ?? 0) * ms, 0);
}

/** The shortest way to write a duration; {@link parseDuration} reads it back. */
export function formatDuration(ms: number): string {
  let rest = ms;
  let text = '';
  for (const [unit, size] of UNITS) {
    const count = Math.floor(rest / size);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * size;
  }
  return text === '' ? '0' : text;
}
