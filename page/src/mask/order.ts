import type { Mask } from "./grid.js";

/** A mask as the model takes it. */
export interface Order {
  /** [K] the visible patches, in image order */
  readonly keep: BigInt64Array;
  /** [N] where each patch stands among the visible ones followed by the hidden ones */
  readonly restore: BigInt64Array;
}

/** mask [N] -> what becomes ids_keep [1 K] and ids_restore [1 N] */
export function orderOf(mask: Mask): Order {
  const visible = cells(mask, 0);
  const restore = new BigInt64Array(mask.length);
  for (const [place, cell] of [...visible, ...cells(mask, 1)].entries()) restore[cell] = BigInt(place);
  return { keep: BigInt64Array.from(visible, BigInt), restore };
}

function cells(mask: Mask, value: number): number[] {
  return Array.from(mask.keys()).filter((cell) => mask[cell] === value);
}
