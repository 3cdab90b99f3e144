/**
 * Medians, spreads, and ratios of what was measured in pairs.
 *
 * Rounds are interleaved and a ratio is taken within a round, so whatever else the machine does in a minute hits both
 * sides; the median of these ratios stands, and their quartiles say how far to believe it.
 *
 * @module
 */

/** @param {readonly number[]} values @param {number} q 0 to 1 @returns {number} interpolated */
export function quantile(values, q) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * q;
  const low = Math.floor(at);
  const high = Math.ceil(at);
  return sorted[low] + (sorted[high] - sorted[low]) * (at - low);
}

/** @param {readonly number[]} values */
export const median = values => quantile(values, 0.5);

/**
 * @param {readonly number[]} values
 * @returns {{ median: number, q1: number, q3: number, min: number, max: number, n: number }}
 */
export function summary(values) {
  return {
    median: median(values),
    q1: quantile(values, 0.25),
    q3: quantile(values, 0.75),
    min: Math.min(...values),
    max: Math.max(...values),
    n: values.length,
  };
}

/** @param {readonly number[]} over @param {readonly number[]} under of the same rounds */
export const pairedRatio = (over, under) => summary(over.map((value, i) => value / under[i]));
