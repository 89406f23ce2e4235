import { ConfigError, ShapeError } from "../engine/errors.js";
import { noGrad } from "../engine/modes.js";
import { scope } from "../engine/scope.js";
import { cat } from "../tensor/creation.js";
import { normalize } from "../tensor/functional.js";
import { aten, type Tensor } from "../tensor/tensor.js";

/** The most similar rows of a bank for each query, best first; equal ones in the bank's order. */
export interface Neighbours {
  readonly k: number;
  /** [Q·k] cosines */
  readonly similarities: Float64Array;
  /** [Q·k] rows of the bank */
  readonly indices: Int32Array;
}

/** How much is compared at once; neither changes the result. */
export interface Tiling {
  readonly queries?: number;
  readonly bank?: number;
}

/**
 * The k nearest rows by cosine. queries [Q D], bank [N D]. Memory: a tile of queries × bank (1024 × 4096), never Q × N.
 *
 * The result is the same to the bit for every tiling, thread count and device: unit vectors are rounded to multiples
 * of 2⁻²⁶, so that each product is a multiple of 2⁻⁵² and every partial sum, below 2, is exact in float64. Thus
 * copies in the bank are exact ties, and ties go to the earlier row.
 */
export function nearestNeighbours(queries: Tensor, bank: Tensor, k: number, tiling: Tiling = {}): Neighbours {
  checkSizes(queries, bank, k);
  const rows = tiling.queries ?? 1024;
  const count = queries.side(0);
  const similarities = new Float64Array(count * k);
  const indices = new Int32Array(count * k);
  for (let start = 0; start < count; start += rows) {
    scope(() =>
      noGrad(() => {
        const found = search(unitRows(queries.slice(0, start, start + rows)), bank, k, tiling.bank ?? 4096);
        similarities.set(found.values.toArray() as Float64Array, start * k);
        indices.set(found.rows.to("int32").toArray() as Int32Array, start * k);
      }),
    );
  }
  return { k, similarities, indices };
}

/** The best so far: both [q k]. */
interface Best {
  readonly values: Tensor;
  readonly rows: Tensor;
}

function search(units: Tensor, bank: Tensor, k: number, tile: number): Best {
  let best: Best | undefined;
  for (let start = 0; start < bank.side(0); start += tile) {
    const before: Best | undefined = best;
    best = scope(() => {
      const similarities = units.matmul(unitRows(bank.slice(0, start, start + tile)).transpose(0, 1)); // [q b]
      const here = bestOf(similarities, Math.min(k, similarities.side(1)));
      const found = { values: here.values, rows: here.rows.add(start) };
      return before === undefined ? found : merged(before, found, k);
    });
    before?.values.dispose();
    before?.rows.dispose();
  }
  return best as Best; // checkSizes: the bank is not empty
}

/** [n D] -> float64 unit rows, their entries multiples of 2⁻²⁶. */
function unitRows(features: Tensor): Tensor {
  // Near 1.5 · 2²⁶ neighbouring float64 numbers are 2⁻²⁶ apart: adding and taking away rounds to them.
  const rounding = 1.5 * 2 ** 26;
  return normalize(features.to("float64")).add(rounding).sub(rounding);
}

/** The k largest of each row, equal ones by position. similarities [q b] */
function bestOf(similarities: Tensor, k: number): Best {
  const all = similarities.side(1);
  const [values, rows] = similarities.topk(Math.min(k + 1, all));
  if (all === k) return ordered(values, rows);
  const last = values.slice(1, k - 1, k); // [q 1]
  if (
    last
      .eq(values.slice(1, k, k + 1))
      .any()
      .item() === 0
  )
    return ordered(values.slice(1, 0, k), rows.slice(1, 0, k));
  // Equal values stand on both sides of the cut, and topk takes any of them: strike those that come too late.
  const equal = similarities.eq(last);
  const places = similarities.gt(last).sum([1], true).rsub(k); // [q 1] left for the equal ones
  const late = equal.logicalAnd(equal.cumsum(1).gt(places));
  return ordered(...similarities.maskedFill(late, -2).topk(k));
}

/** Best first, equal ones by row. */
function ordered(values: Tensor, rows: Tensor): Best {
  const [byRow, order] = aten("sort.stable", rows, { stable: true, dim: -1 });
  return sorted(values.gather(1, order), byRow);
}

function sorted(values: Tensor, rows: Tensor): Best {
  const order = values.argsort(-1, true);
  return { values: values.gather(1, order), rows: rows.gather(1, order) };
}

/** Rows of `before` come earlier in the bank: a stable sort keeps the rule for ties. */
function merged(before: Best, found: Best, k: number): Best {
  const { values, rows } = sorted(cat([before.values, found.values], 1), cat([before.rows, found.rows], 1));
  return { values: values.slice(1, 0, k).clone(), rows: rows.slice(1, 0, k).clone() };
}

function checkSizes(queries: Tensor, bank: Tensor, k: number): void {
  if (queries.rank !== 2 || bank.rank !== 2 || queries.side(1) !== bank.side(1)) {
    const actual = [queries.shape, bank.shape];
    throw new ShapeError(
      `queries [Q D] and bank [N D] expected, got [${queries.shape.join(" ")}] and [${bank.shape.join(" ")}].`,
      {
        code: "neighbour-shape",
        expected: "[Q D] and [N D]",
        actual,
      },
    );
  }
  if (!Number.isInteger(k) || k < 1 || k > bank.side(0)) {
    throw new ConfigError(
      `expected between 1 and ${bank.side(0)} neighbours, as many as the bank has rows, got ${k}.`,
      {
        code: "neighbour-count",
        path: "k",
        expected: `1 … ${bank.side(0)}`,
        actual: k,
      },
    );
  }
}
