// Medians, spreads and the uncertainty of a ratio.

/**
 * A quantile by linear interpolation between order statistics, as NumPy's default.
 * @param {readonly number[]} values at least one
 * @param {number} share 0 … 1
 */
export function quantile(values, share) {
  const sorted = Float64Array.from(values).sort();
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const low = sorted[below];
  const high = sorted[Math.min(below + 1, sorted.length - 1)];
  return low + (high - low) * (place - below);
}

/** @param {readonly number[]} values */
export function median(values) {
  return quantile(values, 0.5);
}

/** Median and the middle four fifths. @param {readonly number[]} values */
export function spread(values) {
  return { median: median(values), p10: quantile(values, 0.1), p90: quantile(values, 0.9) };
}

/**
 * How much of a machine's rate a step makes use of: 1 where it takes no longer than its products alone would.
 * @param {{ operations: number, rate: number }} products of the step, and of the machine a second
 * @param {number} milliseconds that the step takes
 */
export function shareOfRate({ operations, rate }, milliseconds) {
  return operations / rate / (milliseconds / 1000);
}

/**
 * The ratio of two medians with a bootstrap interval (percentile method, Efron 1979). Pairs are drawn together, since
 * what disturbed the machine during one of a pair disturbed the other too.
 * @param {readonly number[]} theirs
 * @param {readonly number[]} ours of the same length
 * @param {{ integer: (n: number) => number, resamples?: number, confidence?: number }} options `integer(n)` draws 0 … n − 1
 * @returns {{ ratio: number, low: number, high: number }} theirs over ours: above 1 where ours takes less
 */
export function ratioOfMedians(theirs, ours, { integer, resamples = 10_000, confidence = 0.95 }) {
  if (theirs.length !== ours.length || ours.length === 0)
    throw new RangeError(`expected pairs, got ${theirs.length} and ${ours.length} values`);
  const drawn = Array.from({ length: resamples }, () => {
    const rows = ours.map(() => integer(ours.length));
    return median(rows.map((row) => theirs[row])) / median(rows.map((row) => ours[row]));
  });
  const tail = (1 - confidence) / 2;
  return { ratio: median(theirs) / median(ours), low: quantile(drawn, tail), high: quantile(drawn, 1 - tail) };
}
