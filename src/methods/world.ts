import type { Tensor } from "../tensor/tensor.js";

/**
 * The processes that train one model together, as a method sees them. A world of one is the identity and costs nothing, so a
 * method is written once: what it compares across the batch goes through `gather`, what it averages through `mean`.
 */
export interface World {
  readonly rank: number;
  readonly size: number;
  /**
   * rows of this process [B …] -> rows of all, in the order of the ranks [B·size …]. Gradients do not flow through it unless
   * `gradient` is set (SimCLR's negatives do, MoCo's keys do not).
   */
  gather(rows: Tensor, options?: { readonly gradient?: boolean }): Tensor;
  /** The mean over the processes, of the same shape (centres, batch statistics). */
  mean(value: Tensor): Tensor;
}

/** One process by itself. */
export const alone: World = {
  rank: 0,
  size: 1,
  gather: (rows, { gradient = false } = {}) => (gradient ? rows : rows.detach()),
  mean: (value) => value,
};
