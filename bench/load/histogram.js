/** Width of a bucket, in milliseconds. */
const STEP_MS = 0.01;
const BUCKETS = 2_000_000;

/** Counts latencies from 0 to 20 s in steps of 10 microseconds; longer ones count as 20 s. */
export class Histogram {
  #counts = new Uint32Array(BUCKETS);
  #total = 0;

  /**
   * @param {number} ms
   * @param {number} [times]
   */
  add(ms, times = 1) {
    const bucket = Math.min(BUCKETS - 1, Math.floor(ms / STEP_MS));
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + times;
    this.#total += times;
  }

  clear() {
    this.#counts.fill(0);
    this.#total = 0;
  }

  /**
   * Milliseconds that this share of the values stays within; NaN when there are none.
   * @param {number} share  0 to 1
   */
  percentile(share) {
    let left = Math.ceil(this.#total * share);
    if (left === 0) return Number.NaN;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      left -= this.#counts[bucket] ?? 0;
      if (left <= 0) return (bucket + 1) * STEP_MS;
    }
    return Number.NaN;
  }
}
