import { ConfigError } from "../errors.js";
import { attentionWeights, selfAttention } from "../tensor/functional.js";
import type { Tensor } from "../tensor/tensor.js";
import { Linear } from "./linear.js";
import { Module } from "./module.js";

/** Multi-head self-attention (Vaswani et al. 2017) with one fused projection: rows q, k, v, each head-major (timm). */
export class Attention extends Module {
  readonly qkv: Linear;
  readonly proj: Linear;

  constructor(
    readonly width: number,
    readonly heads: number,
  ) {
    super();
    if (width % heads !== 0) {
      throw new ConfigError({
        problem: `width ${width} does not divide into ${heads} heads.`,
        code: "heads",
        expected: "a width that is a multiple of heads",
        actual: { width, heads },
      });
    }
    this.qkv = new Linear(width, 3 * width);
    this.proj = new Linear(width, width);
  }

  /** x [B N D] -> [B N D] */
  protected forward(x: Tensor): Tensor {
    return this.proj.call(selfAttention(this.qkv.call(x), this.heads)); // [B N D]
  }

  /** x [B N D] -> how much each token takes of each other one [B H N N], float32; every row sums to 1 */
  weights(x: Tensor): Tensor {
    return attentionWeights(this.qkv.call(x), this.heads);
  }
}
