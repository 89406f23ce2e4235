import { ConfigError } from "../engine/errors.js";
import { attention } from "../tensor/functional.js";
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
      throw new ConfigError(`width ${width} does not divide into ${heads} heads.`, {
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
    const [B = 0, N = 0, D = 0] = x.shape;
    const split = this.qkv.call(x).reshape([B, N, 3, this.heads, D / this.heads]); // [B N 3 H d]
    const [q, k, v] = split.permute([2, 0, 3, 1, 4]).unbind(0) as [Tensor, Tensor, Tensor]; // [B H N d] each
    return this.proj.call(attention(q, k, v).transpose(1, 2).reshape([B, N, D])); // [B N D]
  }
}
