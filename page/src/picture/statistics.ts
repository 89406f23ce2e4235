/** Mean and deviation of patches: what turns a prediction of a normalised patch into pixels. */
import type { Grid, Mask } from "../mask/grid.js";

/** One value a patch [N]. */
export interface Statistics {
  readonly mean: Float64Array;
  readonly deviation: Float64Array;
}

/** image [C H W] -> statistics [N] over all values of a patch, variance unbiased, ε inside the root (MAE's `forward_loss`) */
export function patchStatistics(image: Float32Array, grid: Grid, patch: readonly [number, number]): Statistics {
  const [p, q] = patch;
  const width = grid.columns * q;
  const channels = image.length / (grid.rows * p * width);
  const mean = new Float64Array(grid.rows * grid.columns);
  const deviation = new Float64Array(mean.length);
  const count = channels * p * q;
  /** The sum over a patch of values less `middle`, or of their squares. */
  const sum = (cell: number, middle: number, power: 1 | 2): number => {
    const corner = Math.floor(cell / grid.columns) * p * width + (cell % grid.columns) * q;
    let total = 0;
    for (let c = 0; c < channels; c++) {
      for (let y = 0; y < p; y++) {
        const row = c * grid.rows * p * width + corner + y * width;
        for (let x = row; x < row + q; x++) total += ((image[x] as number) - middle) ** power;
      }
    }
    return total;
  };
  for (let cell = 0; cell < mean.length; cell++) {
    const middle = sum(cell, 0, 1) / count;
    mean[cell] = middle;
    deviation[cell] = Math.sqrt(sum(cell, middle, 2) / (count - 1) + 1e-6);
  }
  return { mean, deviation };
}

/**
 * The statistics that a guesser has who sees only the visible patches: theirs as they are, those of the hidden ones
 * stretched between them like a soap film (Laplace's equation on the grid, four neighbours, free borders). Deviations are
 * interpolated in their logarithm, so that they stay positive.
 */
export function interpolated({ mean, deviation }: Statistics, mask: Mask, grid: Grid): Statistics {
  const logarithms = deviation.map((value) => Math.log(value));
  return {
    mean: film(mean, mask, grid),
    deviation: film(logarithms, mask, grid).map((value) => Math.exp(value)),
  };
}

/** Each hidden cell becomes the mean of its neighbours: over-relaxed sweeps until nothing moves any more. */
function film(values: Float64Array, mask: Mask, grid: Grid): Float64Array {
  const visible = values.filter((_, cell) => mask[cell] === 0);
  const start = visible.reduce((sum, value) => sum + value, 0) / Math.max(1, visible.length);
  const out = values.map((value, cell) => (mask[cell] === 0 ? value : start));
  if (visible.length === 0 || visible.length === values.length) return out;
  const hidden = Array.from(mask.keys()).filter((cell) => mask[cell] === 1);
  const neighbours = hidden.map((cell) => neighboursOf(cell, grid));
  for (let sweep = 0; sweep < 2000; sweep++) {
    let moved = 0;
    for (const [i, cell] of hidden.entries()) {
      const around = neighbours[i] as number[];
      const wanted = around.reduce((sum, other) => sum + (out[other] as number), 0) / around.length;
      const move = 1.7 * (wanted - (out[cell] as number));
      out[cell] = (out[cell] as number) + move;
      moved = Math.max(moved, Math.abs(move));
    }
    if (moved < 1e-7) break;
  }
  return out;
}

function neighboursOf(cell: number, { rows, columns }: Grid): number[] {
  const [row, column] = [Math.floor(cell / columns), cell % columns];
  return [
    ...(row > 0 ? [cell - columns] : []),
    ...(row < rows - 1 ? [cell + columns] : []),
    ...(column > 0 ? [cell - 1] : []),
    ...(column < columns - 1 ? [cell + 1] : []),
  ];
}
