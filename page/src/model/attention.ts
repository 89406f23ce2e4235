import { hiddenCount, type Mask } from "../mask/grid.js";

/**
 * Where a visible patch looks: weights [heads 1+K 1+K] of the last block, class token first, then the visible patches in
 * image order -> [N], scaled so that the largest is 1; hidden patches have none. @param head undefined: the mean of all
 * @returns undefined where the patch is hidden
 */
export function attentionOf(
  weights: Float32Array,
  mask: Mask,
  { cell, head, heads }: { cell: number; head: number | undefined; heads: number },
): Float32Array | undefined {
  if (mask[cell] === 1) return undefined;
  const tokens = 1 + mask.length - hiddenCount(mask);
  const visible = Array.from(mask.keys()).filter((one) => mask[one] === 0);
  const query = 1 + visible.indexOf(cell);
  const chosen = head === undefined ? Array.from({ length: heads }, (_, i) => i) : [head];
  const out = new Float32Array(mask.length);
  for (const [key, other] of visible.entries()) {
    for (const h of chosen) {
      out[other] = (out[other] as number) + (weights[(h * tokens + query) * tokens + 1 + key] as number);
    }
  }
  const largest = out.reduce((a, b) => Math.max(a, b), 0);
  return largest > 0 ? out.map((value) => value / largest) : out;
}
