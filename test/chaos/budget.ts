/**
 * How long the suite may take, and its one source of chance: `CHAOS_SECONDS` (300) and `CHAOS_SEED` (today's date).
 *
 * @module
 */

/** Seconds for all scenarios together. */
export const SECONDS = Number(process.env['CHAOS_SECONDS'] ?? 300);
/** Given again, it repeats the choices of a run. */
export const SEED = Number(process.env['CHAOS_SEED'] ?? new Date().toISOString().slice(0, 10).replaceAll('-', ''));

/** @param share of the whole run, 0 to 1. @returns whether there is time for another round; the first one always has it */
export function rounds(share: number, atMost = Number.POSITIVE_INFINITY): { more(): boolean; readonly done: number } {
  const end = performance.now() + share * SECONDS * 1_000;
  let done = 0;
  return {
    more: () => (done === 0 || performance.now() < end) && done++ < atMost,
    get done() {
      return Math.min(done, atMost);
    },
  };
}

export interface Random {
  /** 0 up to, and without, `end`. */
  below(end: number): number;
  pick<T>(list: readonly T[]): T;
  shuffled<T>(list: readonly T[]): T[];
}

/** Mulberry32. @param salt sets one user's choices apart from another's */
export function random(salt: string, seed = SEED): Random {
  let state = [...salt].reduce((sum, letter) => Math.imul(sum, 31) + letter.charCodeAt(0), seed) >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (end: number) => Math.floor(next() * end);
  return {
    below,
    pick: <T>(list: readonly T[]) => list[below(list.length)] as T,
    shuffled: list =>
      list
        .map(value => ({ value, at: next() }))
        .sort((a, b) => a.at - b.at)
        .map(({ value }) => value),
  };
}
