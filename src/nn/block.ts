import { addBranch } from "../tensor/functional.js";
import type { Tensor } from "../tensor/tensor.js";
import { Attention } from "./attention.js";
import { DropPath } from "./drop-path.js";
import { LayerNorm } from "./layer-norm.js";
import { Mlp } from "./mlp.js";
import { Module } from "./module.js";

/** A Transformer block with the norms in front (ViT, section 3.1); each residual branch may be dropped (drop-path.ts). */
export class Block extends Module {
  readonly norm1: LayerNorm;
  readonly attn: Attention;
  readonly norm2: LayerNorm;
  readonly mlp: Mlp;
  readonly dropPath1: DropPath;
  readonly dropPath2: DropPath;

  constructor(width: number, heads: number, mlpRatio = 4, dropPath = 0) {
    super();
    this.norm1 = new LayerNorm(width, { forProducts: true });
    this.attn = new Attention(width, heads);
    this.norm2 = new LayerNorm(width, { forProducts: true });
    this.mlp = new Mlp(width, Math.trunc(width * mlpRatio));
    this.dropPath1 = new DropPath(dropPath);
    this.dropPath2 = new DropPath(dropPath);
  }

  /** x [B N D] -> [B N D] */
  protected forward(x: Tensor): Tensor {
    const attended = addBranch(x, this.dropPath1.call(this.attn.call(this.norm1.call(x)))); // [B N D]
    return addBranch(attended, this.dropPath2.call(this.mlp.call(this.norm2.call(attended)))); // [B N D]
  }
}
