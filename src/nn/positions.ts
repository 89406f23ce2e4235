import { tensor } from "../tensor/tensor.js";
import type { Initializer } from "./parameter.js";
import type { Size } from "./patches.js";

/**
 * Fixed two-dimensional sine-cosine positions [1 1+N D] of a grid, row 0 (the class token's) zero. The first half of a
 * row encodes the column, the second half the row (mae.md section 3; the official code calls the first half "h").
 * Computed in float64, kept in float32. @throws RangeError unless 4 divides the width
 */
export function sinCosPositions(width: number, [rows, columns]: Size): Float32Array {
  if (width % 4 !== 0) throw new RangeError(`positions need a width that 4 divides, got ${width}`);
  const table = new Float32Array((1 + rows * columns) * width);
  const quarter = width / 4;
  for (let n = 0; n < rows * columns; n++) {
    const place = [n % columns, Math.floor(n / columns)];
    place.forEach((m, half) => {
      for (let k = 0; k < quarter; k++) {
        const angle = m / 10000 ** (k / quarter);
        const at = (1 + n) * width + half * 2 * quarter + k;
        table[at] = Math.sin(angle);
        table[at + quarter] = Math.cos(angle);
      }
    });
  }
  return table;
}

/** The table above as a parameter's first values. */
export function sinCosInit(grid: Size): Initializer {
  return (shape) => tensor(sinCosPositions(shape.at(-1) ?? 0, grid), shape);
}
