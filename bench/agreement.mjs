// Do all sides compute the same?
import { BenchError } from "./peer.mjs";

/** Differences relative to the largest value. */
function relative(ours, theirs) {
  const scale = theirs.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;
  return ours.map((value, i) => Math.abs(value - theirs[i]) / scale);
}

const measures = {
  largest: (ours, theirs) => relative(ours, theirs).reduce((most, value) => Math.max(most, value), 0), // NaN stays NaN
  mean: (ours, theirs) => relative(ours, theirs).reduce((sum, value) => sum + value, 0) / ours.length,
  /** The share of values that are not the same: for classes. */
  share: (ours, theirs) => ours.filter((value, i) => value !== theirs[i]).length / ours.length,
};

/**
 * @param {readonly (readonly [string, readonly number[]])[]} sides name and values of each, Lacuna first
 * @param {{ tolerance: number, measure?: keyof typeof measures, what: string }} options
 * @returns what a record keeps: the single value of each side where there is one, the difference, the tolerance
 * @throws BenchError where they differ by more
 */
export function agreement(sides, { tolerance, measure = "largest", what }) {
  const [[, ours], ...others] = sides;
  const differences = others.map(([name, theirs]) => {
    const difference = ours.length === theirs.length ? measures[measure](ours, theirs) : Number.NaN;
    if (difference <= tolerance) return difference;
    const first = (values) => values.slice(0, 3).join(" ");
    throw new BenchError(
      `Lacuna and ${name} do not compute the same (${what}): ${first(ours)} … against ${first(theirs)} …, ` +
        `a difference of ${difference} (tolerance ${tolerance}). Nothing was compared.`,
    );
  });
  const single = ours.length === 1 ? { losses: Object.fromEntries(sides.map(([name, [value]]) => [name, value])) } : {};
  return { ...single, difference: Math.max(...differences), tolerance };
}
