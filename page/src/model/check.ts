import type { PageDescription } from "../../../src/page/description.js";
import type { Mask } from "../mask/grid.js";

/** The mask of the numbers that the page brings along. */
export function checkMask({ check }: PageDescription, patches: number): Mask {
  const mask = new Uint8Array(patches).fill(1);
  for (const cell of check.keep) mask[cell] = 0;
  return mask;
}

/** Largest difference between a prediction [N P] and libtorch's at the places that page.json holds. */
export function differenceFrom({ check }: PageDescription, prediction: Float32Array): number {
  return check.positions.reduce((worst, position, i) => {
    const difference = Math.abs((prediction[position] ?? Number.NaN) - (check.values[i] as number));
    return Number.isNaN(difference) ? Number.POSITIVE_INFINITY : Math.max(worst, difference);
  }, 0);
}
