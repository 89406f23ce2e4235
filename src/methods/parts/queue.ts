import { noGrad } from "../../engine/modes.js";
import { normal, zero } from "../../nn/init.js";
import { Module } from "../../nn/module.js";
import { Buffer, type Initializer } from "../../nn/parameter.js";
import { normalize } from "../../tensor/functional.js";
import type { Tensor } from "../../tensor/tensor.js";

/**
 * Keys of past batches, first in, first out (MoCo, section 3.1): as many negatives as one likes, whatever the batch. Where the next
 * batch goes follows from the step, so that nothing but the keys is state.
 */
export class KeyQueue extends Module<[], Tensor> {
  /** Unit rows [K D], drawn at random at first, or zero. */
  readonly keys: Buffer;

  /** @param first what it holds before the first batches: random keys, or nothing */
  constructor(
    readonly length: number,
    width: number,
    first: "random" | "empty" = "random",
  ) {
    super();
    const random: Initializer = (shape, rng) => normalize(normal(1)(shape, rng));
    this.keys = new Buffer([length, width], first === "random" ? random : zero);
  }

  /** Whether no row is empty: 1 or 0 [] */
  isFull(): Tensor {
    return noGrad(() => this.keys.abs().sum([1]).gt(0).float().amin([0]));
  }

  /** [] -> all keys [K D] */
  protected forward(): Tensor {
    return this.keys;
  }

  /** New keys [N D], not normalised, take the place of the oldest. @param index of the step, every one of which brings as many */
  enqueue(keys: Tensor, index: number): void {
    noGrad(() => {
      const newest = normalize(keys.detach().float()).slice(0, Math.max(0, keys.side(0) - this.length)); // [N D], N ≤ K
      const N = newest.side(0);
      const start = (index * N) % this.length;
      const fitting = Math.min(N, this.length - start);
      this.keys.slice(0, start, start + fitting).copy_(newest.slice(0, 0, fitting));
      if (fitting < N) this.keys.slice(0, 0, N - fitting).copy_(newest.slice(0, fitting));
    });
  }
}
