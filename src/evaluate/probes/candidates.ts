import { withoutAutocast } from "../../engine/modes.js";
import { scope } from "../../engine/scope.js";
import { arange, cat, empty, full, zeros } from "../../tensor/creation.js";
import { normalize } from "../../tensor/functional.js";
import type { Tensor } from "../../tensor/tensor.js";

/** How much is compared at once; neither changes the result. */
export interface Tiling {
  readonly queries?: number;
  readonly bank?: number;
}

/** Rows of the bank that may be among a query's nearest. */
export interface Candidates {
  /** [Q m] float32 products of unit rows, in no order */
  readonly values: Tensor;
  /** [Q m] int64, each once */
  readonly rows: Tensor;
}

/** Wider rows are not filtered: the bound of their products' errors would keep too many. */
export const widestFiltered = 4096;

/**
 * How far a float32 product of unit rows can be from the exact one. Rounding each operand adds 2⁻²⁴ of Σ|qᵢbᵢ| ≤ 1, and
 * D products summed in any order D · 2⁻²⁴ (Higham 2002, section 3.1), with D ≤ 4096 less than a thousandth more; twice that.
 */
export const largestError = (width: number): number => (width + 4) * 2 ** -23;

/** Numbers made unit rows at a time: their float64 copy of 1 MB stays in a core's cache, three times as fast. */
const normalizedAtOnce = 2 ** 17;

/** [n D] -> float64 unit rows, their entries multiples of 2⁻²⁶. */
export function unitRows(features: Tensor): Tensor {
  return writeUnits(features, empty(features.shape, { dtype: "float64", device: features.device }));
}

/** Unit rows as `unitRows` makes them, in the type of `units`. Both [n D]; more rows of `units` stay as they are. @returns `units` */
function writeUnits(features: Tensor, units: Tensor): Tensor {
  // Near 1.5 · 2²⁶ neighbouring float64 numbers are 2⁻²⁶ apart: adding and taking away rounds to them.
  const rounding = 1.5 * 2 ** 26;
  const rows = Math.max(1, Math.floor(normalizedAtOnce / features.side(1)));
  for (let start = 0; start < features.side(0); start += rows) {
    scope(() => {
      const some = features.slice(0, start, start + rows);
      const exact = normalize(some.to("float64")).add_(rounding).add_(-rounding);
      units.slice(0, start, start + some.side(0)).copy_(exact);
    });
  }
  return units;
}

/** Columns of which the largest product is looked at first: of 16, 32 and 64 the fastest on 50,000 rows. */
const group = 32;

/**
 * The `count` rows of the bank with the largest float32 products of unit rows, for each query: every other row's product is
 * at most the least of them. queries [Q D], bank [N D], count ≤ N. Memory: a tile of queries × bank (1024 × 4096), the
 * unit rows of such a tile of the bank, which are made once, and the result.
 */
export function candidates(queries: Tensor, bank: Tensor, count: number, tiling: Tiling = {}): Candidates {
  const { queries: height = 1024, bank: width = 4096 } = tiling;
  const { device } = queries;
  const values = full([queries.side(0), count], -3, { device }); // below every product
  const rows = full([queries.side(0), count], 0, { device, dtype: "int64" });
  for (let start = 0; start < bank.side(0); start += width) {
    scope(() => {
      const units = paddedUnits(bank.slice(0, start, start + width)); // [n D]
      const real = Math.min(width, bank.side(0) - start);
      for (let top = 0; top < queries.side(0); top += height) {
        scope(() => {
          const some = queries.slice(0, top, top + height);
          const tile = writeUnits(some, empty(some.shape, { device })); // [q D]
          const products = withoutAutocast(() => tile.matmul(units.transpose(0, 1))); // [q n]
          if (real < units.side(0)) products.slice(1, real).fill_(-2); // below every product as well
          const best = { values: values.slice(0, top, top + height), rows: rows.slice(0, top, top + height) };
          keepBest(best, products, start);
        });
      }
    });
  }
  return { values, rows };
}

/** Float32 unit rows, and zeros up to a multiple of `group`. [n D] */
function paddedUnits(features: Tensor): Tensor {
  const rows = Math.ceil(features.side(0) / group) * group;
  return writeUnits(features, zeros([rows, features.side(1)], { device: features.device }));
}

/** Takes the products of rows `start` onwards into the best so far, in place. products [q n], n a multiple of `group` */
function keepBest(best: Candidates, products: Tensor, start: number): void {
  const [height, count] = [products.side(0), best.values.side(1)];
  const groups = products.side(1) / group;
  const grouped = products.reshape([height, group, groups]); // column c is in group c mod groups
  const largest = grouped.amax([1]); // [q g]
  // A group below the best so far has nothing to add; NaN is below nothing, and ends among the best.
  const below = largest
    .lt(best.values.amin([1], true))
    .sum([1])
    .amin([0])
    .item();
  const wanted = Math.min(count, groups - below);
  if (wanted === 0) return;
  const [, chosen] = largest.topk(wanted); // [q w]
  const columns = chosen.unsqueeze(1).expand([height, group, wanted]);
  const first = arange(0, group, 1, { dtype: "int64", device: products.device }).mul(groups).add(start).unsqueeze(1);
  const values = cat([best.values, grouped.gather(2, columns).reshape([height, -1])], 1);
  const rows = cat([best.rows, columns.add(first).reshape([height, -1])], 1);
  const [kept, places] = values.topk(count);
  best.values.copy_(kept);
  best.rows.copy_(rows.gather(1, places));
}
