/**
 * A log-linear histogram of microseconds: 128 buckets to every power of two, so a quantile is right to 0.8 %.
 *
 * @module
 */
const BITS = 7;
const LINEAR = 1 << BITS;

export class Histogram {
  #counts = new Uint32Array(LINEAR * 26);
  count = 0;
  max = 0;

  /** @param {number} us whole microseconds */
  record(us) {
    this.#counts[indexOf(us)]++;
    this.count++;
    if (us > this.max) this.max = us;
  }

  /** @param {number} q 0 to 1 @returns {number} the upper edge of the bucket that it lies in, µs */
  quantile(q) {
    const wanted = Math.ceil(q * this.count);
    let seen = 0;
    for (let i = 0; i < this.#counts.length; i++) {
      seen += this.#counts[i];
      if (seen >= wanted && seen > 0) return Math.min(upperEdge(i), this.max);
    }
    return this.max;
  }
}

function indexOf(us) {
  if (us < LINEAR) return us;
  const shift = 31 - Math.clz32(us) - BITS;
  return (shift + 1) * LINEAR + (us >>> shift) - LINEAR;
}

function upperEdge(index) {
  if (index < LINEAR) return index;
  const shift = Math.floor(index / LINEAR) - 1;
  return (((index % LINEAR) + LINEAR + 1) << shift) - 1;
}
