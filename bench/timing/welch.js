/** Slowest part of all times of a group that is left out: pauses of the machine, not of the code (dudect does the same). */
const SLOWEST = 0.1;

/** |t| at which two classes differ: by chance about once in 100,000 comparisons. */
export const SIGNIFICANT_T = 4.5;
/**
 * A difference below this is shown and not counted. An answer over the socket varies by some 100 us: to see 0.5 us in that takes
 * about a million guesses, and the answers of one address are held back after a few.
 */
export const MATTERS_NS = 500;

/**
 * @typedef {object} Compared
 * @property {string} name
 * @property {number} samples
 * @property {number} meanNs
 * @property {number} medianNs
 * @property {number | null} differenceNs  Mean against that of the first class.
 * @property {number | null} t  Welch's t against the first class.
 * @property {boolean} toldApart
 */

/** @param {readonly number[]} sorted */
const median = (sorted) => sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;

/** @param {readonly number[]} times */
function moments(times) {
  const mean = times.reduce((sum, time) => sum + time, 0) / times.length;
  const variance = times.reduce((sum, time) => sum + (time - mean) ** 2, 0) / (times.length - 1);
  return { mean, variance, count: times.length };
}

/**
 * Welch's t-test of each class against the first, without the slowest tenth of all times taken together.
 * @param {readonly { name: string, times: readonly number[] }[]} classes
 * @returns {Compared[]}
 */
export function compare(classes) {
  const all = classes.flatMap(({ times }) => times).sort((a, b) => a - b);
  const limit = all[Math.floor(all.length * (1 - SLOWEST))] ?? Number.POSITIVE_INFINITY;
  const kept = classes.map(({ name, times }) => ({ name, times: times.filter((time) => time < limit) }));
  const base = moments(kept[0]?.times ?? []);
  return kept.map(({ name, times }, index) => {
    const own = moments(times);
    const t = (own.mean - base.mean) / Math.sqrt(own.variance / own.count + base.variance / base.count);
    return {
      name,
      samples: own.count,
      meanNs: Math.round(own.mean),
      medianNs: Math.round(median([...times].sort((a, b) => a - b))),
      differenceNs: index === 0 ? null : Math.round(own.mean - base.mean),
      t: index === 0 ? null : Math.round(t * 100) / 100,
      toldApart: index > 0 && Math.abs(t) > SIGNIFICANT_T && Math.abs(own.mean - base.mean) > MATTERS_NS,
    };
  });
}
