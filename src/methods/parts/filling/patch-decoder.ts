import { Block } from "../../../nn/block.js";
import { normal } from "../../../nn/init.js";
import { LayerNorm } from "../../../nn/layer-norm.js";
import { Linear } from "../../../nn/linear.js";
import { Chain, Module, Parameter } from "../../../nn/module.js";
import type { Size } from "../../../nn/patches.js";
import { sinCosInit } from "../../../nn/positions.js";
import { cat } from "../../../tensor/creation.js";
import { take } from "../../../tensor/functional.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Mask } from "../masks.js";

/** Sizes of a decoder of patches. */
export interface PatchDecoderShape {
  /** Width of the encoder's tokens, D. */
  readonly inputs: number;
  /** Numbers that it gives for a patch, O. */
  readonly outputs: number;
  /** Patches down and across. */
  readonly grid: Size;
  /** Width of its own tokens, d. */
  readonly width: number;
  readonly depth: number;
  readonly heads: number;
  readonly mlpRatio: number;
  /** Whether it puts a token in the place of hidden patches; true if absent. */
  readonly fillsIn?: boolean;
}

/**
 * MAE's decoder (He et al. 2022, section 3): the tokens of visible patches, a learned token in the place of each hidden one, positions, a few
 * blocks and a linear layer. Where it does not fill in, the latent is of all patches in image order [B 1+N D]. Predictions stand in the order
 * of `wanted` [B M], or in image order. State as the official code's.
 */
export class PatchDecoder extends Module<[latent: Tensor, mask: Mask, wanted?: Tensor], Tensor> {
  readonly decoderEmbed: Linear;
  /** [1 1 d], unless hidden patches have tokens already. */
  readonly maskToken: Parameter | null;
  readonly decoderPosEmbed: Parameter; // [1 1+N d]
  readonly decoderBlocks: Chain<Block>;
  readonly decoderNorm: LayerNorm;
  readonly decoderPred: Linear;

  constructor({ inputs, outputs, grid, width, depth, heads, mlpRatio, fillsIn = true }: PatchDecoderShape) {
    super();
    this.decoderEmbed = new Linear(inputs, width);
    this.maskToken = fillsIn ? new Parameter([1, 1, width], normal(0.02)) : null;
    this.decoderPosEmbed = new Parameter([1, 1 + grid[0] * grid[1], width], sinCosInit(grid), false);
    this.decoderBlocks = new Chain(Array.from({ length: depth }, () => new Block(width, heads, mlpRatio)));
    this.decoderNorm = new LayerNorm(width, { forProducts: true });
    this.decoderPred = new Linear(width, outputs);
  }

  /** latent of the visible patches, class token first [B 1+K D] -> what is predicted of the patches `wanted`, or of all [B M O] */
  protected forward(latent: Tensor, mask: Mask, wanted?: Tensor): Tensor {
    const embedded = this.decoderEmbed.call(latent); // [B 1+K d]
    const tokens = this.maskToken === null ? embedded : this.fill(embedded, this.maskToken, mask); // [B 1+N d]
    const decoded = this.decoderBlocks.call(tokens.add(this.decoderPosEmbed)).slice(1, 1); // [B N d]
    return this.decoderPred.call(this.decoderNorm.call(wanted === undefined ? decoded : take(decoded, wanted))); // [B M O]
  }

  /** tokens of the visible patches [B 1+K d] -> of all in image order, the mask token in the place of hidden ones [B 1+N d] */
  private fill(tokens: Tensor, maskToken: Tensor, { restore, kept }: Mask): Tensor {
    const [B = 0, N = 0] = restore.shape;
    const hidden = maskToken.to(tokens.dtype).expand([B, N - kept, -1]); // [B N-K d]
    const ordered = take(cat([tokens.slice(1, 1), hidden], 1), restore); // [B N d]
    return cat([tokens.slice(1, 0, 1), ordered], 1); // [B 1+N d]
  }
}
