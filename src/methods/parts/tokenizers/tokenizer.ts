import type { Module } from "../../../nn/module.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { TargetFit } from "../targets/target.js";

/**
 * Turns pictures into discrete tokens, one a patch: what BEiT and MAE's table 1d predict. The call takes an image
 * [B C H W], normalised as the encoder's, and gives tokens [B N] int64 in image order; one that was trained on other
 * pixels or another size (a dVAE on 112 px in 0 to 1) converts them itself. Nothing in it is trained.
 */
export interface Tokenizer extends Module<[Tensor], Tensor> {
  /** Number of tokens V. */
  readonly vocabulary: number;
  /** tokens [B N] -> what they stand for, as patches in the encoder's normalised space [B N P] */
  patches(tokens: Tensor): Tensor;
  /** Nats that a token costs who knows the frequencies alone; ln V where they are not known. */
  entropy(): number;
  /** How its tokens are shown, in words. */
  note(): string;
  /** For tokenizers that are fitted to pictures before training. */
  fit?(): TargetFit;
}
