import { ShapeError } from "../../engine/errors.js";
import { noGrad } from "../../engine/modes.js";
import { scope } from "../../engine/scope.js";
import { ConfigError } from "../../errors.js";
import { cat } from "../../tensor/creation.js";
import { aten, type Tensor, tensor } from "../../tensor/tensor.js";
import { candidates, largestError, type Tiling, unitRows, widestFiltered } from "./candidates.js";

/** The most similar rows of a bank for each query, best first; equal ones in the bank's order. */
export interface Neighbours {
  readonly k: number;
  /** [Q·k] cosines */
  readonly similarities: Float64Array;
  /** [Q·k] rows of the bank */
  readonly indices: Int32Array;
}

export type { Tiling };

/**
 * The k nearest rows by cosine. queries [Q D], bank [N D]. Memory: a tile of queries × bank (1024 × 4096),
 * never Q × N.
 *
 * The result is the same to the bit for every tiling, thread count and device: unit vectors are rounded to multiples
 * of 2⁻²⁶, so that each product is a multiple of 2⁻⁵² and every partial sum, below 2, is exact in float64. Thus
 * copies in the bank are exact ties, and ties go to the earlier row.
 *
 * Float32 products, three times as fast, choose a few rows more than k; these are compared exactly. Where that leaves it
 * open whether another row belongs among the k, as it does between many copies, the query is compared with all rows exactly.
 */
export function nearestNeighbours(queries: Tensor, bank: Tensor, k: number, tiling: Tiling = {}): Neighbours {
  checkSizes(queries, bank, k);
  const count = queries.side(0);
  const result = { k, similarities: new Float64Array(count * k), indices: new Int32Array(count * k) };
  const filtered = k + margin < bank.side(0) && bank.side(1) <= widestFiltered;
  scope(() =>
    noGrad(() => {
      const open = filtered
        ? compareCandidates(queries, bank, result, tiling)
        : Array.from({ length: count }, (_, i) => i);
      compareAll(queries, bank, open, result, tiling);
    }),
  );
  return result;
}

/** Candidates more than k: the gap of float32 products that proves the k complete is nearly always among so few. */
const margin = 4;

/** Numbers of candidates' unit rows at a time: 2 MB in float64. */
const comparedAtOnce = 2 ** 18;

/** Fills in what a filter by float32 products proves. @returns the other queries */
function compareCandidates(queries: Tensor, bank: Tensor, result: Neighbours, tiling: Tiling): number[] {
  const { k } = result;
  const all = candidates(queries, bank, k + margin, tiling);
  const tile = Math.max(1, Math.floor(comparedAtOnce / ((k + margin) * bank.side(1))));
  const open: number[] = [];
  for (let start = 0; start < queries.side(0); start += tile) {
    scope(() => {
      const rows = all.rows.slice(0, start, start + tile); // [q m]
      const units = unitRows(bank.indexSelect(0, rows.flatten())).reshape([...rows.shape, bank.side(1)]); // [q m D]
      const tileUnits = unitRows(queries.slice(0, start, start + tile)).unsqueeze(2); // [q D 1]
      const found = ordered(units.bmm(tileUnits).squeeze(2), rows);
      write(result, { values: found.values.slice(1, 0, k), rows: found.rows.slice(1, 0, k) }, (row) => start + row);
      const others = all.values
        .slice(0, start, start + tile)
        .amin([1])
        .to("float64")
        .add(largestError(bank.side(1)));
      const proven = found.values
        .select(1, k - 1)
        .gt(others)
        .to("uint8")
        .toArray(); // NaN is not
      for (const [row, is] of (proven as Uint8Array).entries()) if (is === 0) open.push(start + row);
    });
  }
  return open;
}

/** Fills in these queries' neighbours by comparing them with every row. */
function compareAll(queries: Tensor, bank: Tensor, which: readonly number[], result: Neighbours, tiling: Tiling): void {
  const rows = tiling.queries ?? 1024;
  for (let start = 0; start < which.length; start += rows) {
    scope(() => {
      const some = which.slice(start, start + rows);
      const index = tensor(Int32Array.from(some), [some.length], { device: queries.device });
      const units = unitRows(queries.indexSelect(0, index));
      write(result, search(units, bank, result.k, tiling.bank ?? 4096), (row) => some[row] as number);
    });
  }
}

/** Puts row i of what was found where query `place(i)` has its neighbours. found [q k] */
function write({ k, similarities, indices }: Neighbours, found: Best, place: (row: number) => number): void {
  const values = found.values.toArray() as Float64Array;
  const rows = found.rows.to("int32").toArray() as Int32Array;
  for (let row = 0; row * k < values.length; row++) {
    similarities.set(values.subarray(row * k, (row + 1) * k), place(row) * k);
    indices.set(rows.subarray(row * k, (row + 1) * k), place(row) * k);
  }
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
    throw new ShapeError({
      problem: `queries [Q D] and bank [N D] expected, got [${queries.shape.join(" ")}] and [${bank.shape.join(" ")}].`,
      code: "neighbour-shape",
      expected: "[Q D] and [N D]",
      actual,
    });
  }
  if (!Number.isInteger(k) || k < 1 || k > bank.side(0)) {
    throw new ConfigError({
      problem: `expected between 1 and ${bank.side(0)} neighbours, as many as the bank has rows, got ${k}.`,
      code: "neighbour-count",
      path: "k",
      expected: `1 … ${bank.side(0)}`,
      actual: k,
    });
  }
}
