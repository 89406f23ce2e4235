import { addBranch, type BlockParts, isOneOperation, wholeBlock } from "../tensor/functional.js";
import type { Tensor } from "../tensor/tensor.js";
import { Attention } from "./attention.js";
import { DropPath } from "./drop-path.js";
import { LayerNorm } from "./layer-norm.js";
import { Mlp } from "./mlp.js";
import { isWatched, Module } from "./module.js";

/**
 * A Transformer block with the norms in front (ViT, section 3.1); each residual branch may be dropped (drop-path.ts). Where a kernel has
 * the whole block, the modules inside are not called: it reads their parameters.
 */
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
    if (!this.#drops && !isWatched() && isOneOperation(x, this.#parts)) return wholeBlock(x, this.#parts);
    const attended = addBranch(x, this.dropPath1.call(this.attn.call(this.norm1.call(x)))); // [B N D]
    return addBranch(attended, this.dropPath2.call(this.mlp.call(this.norm2.call(attended)))); // [B N D]
  }

  get #drops(): boolean {
    return this.dropPath1.isOn || this.dropPath2.isOn;
  }

  get #parts(): BlockParts {
    const { norm1, norm2, attn, mlp } = this;
    const { epsilon } = norm1;
    return { norm1, qkv: attn.qkv, proj: attn.proj, norm2, fc1: mlp.fc1, fc2: mlp.fc2, heads: attn.heads, epsilon };
  }
}
