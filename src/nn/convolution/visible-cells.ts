/**
 * Maps of which only some cells are seen, without the others: the visible cells stand below one another, as one narrow map. What
 * works on single sites, and windows that stay within a cell, take such a stack as they take a map. Only what looks across cells
 * needs the map itself, zero where cells are hidden: `unstack`, then `stack`.
 */
import { arange, cat, zeros } from "../../tensor/creation.js";
import { take } from "../../tensor/functional.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { Size } from "../patches.js";

/** Which cells of a picture are visible. Every picture of a batch has the same number of them. */
export interface CellMask {
  /** [B N] or [B K] int64, numbers of cells counted row by row, the visible ones first */
  readonly ids: Tensor;
  /** [B N] int64, where each cell stands in that order */
  readonly restore: Tensor;
  /** K */
  readonly kept: number;
}

/** hidden [B N], 1 = hidden -> its mask. The number of visible cells is the first picture's. */
export function cellMask(hidden: Tensor): CellMask {
  const ids = hidden.argsort(1);
  return { ids, restore: ids.argsort(1), kept: hidden.side(1) - hidden.select(0, 0).sum().item() };
}

/** Where lines of cells lie: a line is r sites side by side, a cell r lines. */
export interface CellLines {
  /** [B K·r] int64, of each line of the stack: its number among the lines of the map */
  readonly taken: Tensor;
  /** [B h·r w] int64, of each line of the map: its number in the stack, or the stack's length where its cell is hidden */
  readonly placed: Tensor;
}

/** Lines of cells of r × r sites on a grid of h × w cells. */
export function cellLines({ ids, restore, kept: K }: CellMask, [h, w]: Size, r: number): CellLines {
  const on = { dtype: "int64", device: ids.device } as const;
  const B = ids.side(0);
  const within = arange(0, r, 1, on); // [r]
  const firsts = arange(0, h, 1, on)
    .mul(r * w)
    .unsqueeze(1)
    .add(arange(0, w, 1, on))
    .flatten(); // [N]
  const first = firsts.indexSelect(0, ids.slice(1, 0, K).flatten()).reshape([B, K, 1]); // [B K 1]
  const place = restore.reshape([B, h, 1, w]); // [B h 1 w]
  const line = place.mul(r).add(within.reshape([1, 1, r, 1])); // [B h r w]
  return {
    taken: first.add(within.mul(w)).reshape([B, K * r]),
    placed: line.clamp(null, K * r).reshape([B, h * r, w]), // all lines of hidden cells come behind
  };
}

/** map [B H W C] of cells that are r sites wide -> their visible ones [B K·r r C] */
export function stack(map: Tensor, taken: Tensor, r: number): Tensor {
  const [B = 0, H = 0, W = 0, C = 0] = map.shape;
  const lines = map.reshape([B, (H * W) / r, r * C]); // [B H·w r·C]
  return take(lines, taken).reshape([B, taken.side(1), r, C]);
}

/** stack [B K·r r C] -> the map, zero where cells are hidden [B H W C] */
export function unstack(stacked: Tensor, placed: Tensor): Tensor {
  const [B = 0, L = 0, r = 0, C = 0] = stacked.shape;
  const [, H = 0, w = 0] = placed.shape;
  const none = zeros([1, 1, r * C], { dtype: stacked.dtype, device: stacked.device }).expand([B, 1, r * C]);
  const lines = cat([stacked.reshape([B, L, r * C]), none], 1); // [B K·r + 1 r·C]
  return take(lines, placed.flatten(1)).reshape([B, H, w * r, C]);
}
