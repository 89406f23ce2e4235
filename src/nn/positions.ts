import { ShapeError } from "../engine/errors.js";
import { scope } from "../engine/scope.js";
import { ConfigError } from "../errors.js";
import { arange, cat, full } from "../tensor/creation.js";
import { resizeBicubic, scaleBicubic } from "../tensor/functional.js";
import { type Tensor, tensor } from "../tensor/tensor.js";
import { zero } from "./init.js";
import { Module } from "./module.js";
import { type Initializer, Parameter } from "./parameter.js";
import type { Size } from "./patches.js";

/**
 * Fixed two-dimensional sine-cosine positions [1 1+N D] of a grid, row 0 (the class token's) zero. The first half of a
 * row encodes the column, the second half the row (MAE, appendix A.1; the official code calls the first half "h").
 * Computed in float64, kept in float32. @throws ConfigError unless 4 divides the width
 */
export function sinCosPositions(width: number, [rows, columns]: Size): Float32Array {
  if (width % 4 !== 0) {
    const remedy = `Take ${Math.ceil(width / 4) * 4}.`;
    throw new ConfigError({ code: "width", path: "width", expected: "a width that 4 divides", actual: width, remedy });
  }
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

/**
 * A position table for another grid, as the official code resizes it (`interpolate_pos_embed`: bicubic, corners not
 * aligned, no antialiasing): the class token's row stays. table [1 1+N D] -> [1 1+n D]; the same grid gives the table itself
 * @param offset samples as for a grid that is larger by so much, in patches (DINO's `interpolate_pos_encoding`: 0.1)
 */
export function resizePositions(table: Tensor, from: Size, to: Size, offset = 0): Tensor {
  if (from[0] === to[0] && from[1] === to[1]) return table;
  const width = table.side(-1);
  const cells = table.slice(1, 1).reshape([1, from[0], from[1], width]).permute([0, 3, 1, 2]); // [1 D H W]
  const resized = (
    offset === 0
      ? resizeBicubic(cells.float(), to)
      : scaleBicubic(cells.float(), [(to[0] + offset) / from[0], (to[1] + offset) / from[1]])
  )
    .permute([0, 2, 3, 1])
    .reshape([1, to[0] * to[1], width]); // [1 n D]
  return cat([table.slice(1, 0, 1).float(), resized], 1); // [1 1+n D]
}

/**
 * A table of relative positions of a square window for another one, as Swin's official code resizes it (`load_pretrained`: bicubic).
 * table [(2w−1)² H] -> [rows H]
 * @throws ShapeError where either is no square window's
 */
export function resizeRelative(table: Tensor, rows: number): Tensor {
  const [from, to] = [Math.sqrt(table.side(0)), Math.sqrt(rows)];
  if (!Number.isInteger(from) || !Number.isInteger(to)) {
    throw new ShapeError({
      problem: `a table of ${table.side(0)} relative positions cannot be resized to ${rows}: a window is not square.`,
      code: "shape",
      expected: "(2w − 1)² rows for a window of w × w",
      actual: [table.side(0), rows],
    });
  }
  const map = table.transpose(0, 1).reshape([1, table.side(1), from, from]); // [1 H 2w−1 2w−1]
  return resizeBicubic(map, [to, to])
    .reshape([table.side(1), rows])
    .transpose(0, 1); // [rows H]
}

/** Rows of a table: one for every way from a patch of the grid to another, and three for the class token. */
export function relativeRows([rows, columns]: Size): number {
  return (2 * rows - 1) * (2 * columns - 1) + 3;
}

/** A table of relative positions, a number for every head and way from one patch to another, at first zero [R H] */
export function relativeTable(grid: Size, heads: number): Parameter {
  return new Parameter([relativeRows(grid), heads], zero);
}

/**
 * Which row of a table tells of query i and key j, the class token first [1+N 1+N], int64 (BEiT, `modeling_finetune.py`). The last three
 * rows are of the class token: as the query, as the key, and of itself.
 */
export function relativeIndex([rows, columns]: Size, device: string): Tensor {
  const N = rows * columns;
  const wide = 2 * columns - 1;
  const n = arange(0, N, 1, { device }); // [N]
  const place = n.add(
    n
      .add(0.5)
      .div(columns)
      .floor()
      .mul(wide - columns),
  ); // row · wide + column [N]
  const middle = (rows - 1) * wide + columns - 1;
  const patches = place.unsqueeze(1).sub(place.unsqueeze(0)).add(middle); // [N N]
  const last = relativeRows([rows, columns]) - 1;
  const asQuery = full([1, N], last - 2, { device });
  const asKey = full([N, 1], last - 1, { device });
  const top = cat([full([1, 1], last, { device }), asQuery], 1); // [1 1+N]
  return cat([top, cat([asKey, patches], 1)]).to("int64"); // [1+N 1+N]
}

/** The same as the bytes of a file, little-endian. */
export function relativeIndexBytes(grid: Size): Uint8Array {
  return scope(() => relativeIndex(grid, "cpu").toBytes());
}

/** table [R H] -> what is added to the scores of a head's query i and key j [H 1+N 1+N] */
export function relativeBias(table: Tensor, grid: Size): Tensor {
  const tokens = 1 + grid[0] * grid[1];
  const rows = table.indexSelect(0, relativeIndex(grid, table.device).flatten()); // [(1+N)² H]
  return rows.reshape([tokens, tokens, -1]).permute([2, 0, 1]); // [H 1+N 1+N]
}

/**
 * One table for all layers (BEiT, appendix A). Each makes its bias of it, since a layer whose activations are computed again in backward
 * passes gradients to parameters alone. Without inputs: [] -> the table [R H]
 */
export class SharedPositions extends Module<[], Tensor> {
  readonly relativePositionBiasTable: Parameter; // [R H]

  constructor(grid: Size, heads: number) {
    super();
    this.relativePositionBiasTable = relativeTable(grid, heads);
  }

  /** [] -> the table [R H] */
  protected forward(): Tensor {
    return this.relativePositionBiasTable;
  }
}
