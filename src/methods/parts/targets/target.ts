import type { Module } from "../../../nn/module.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Fit } from "../../method.js";

/**
 * What a patch is to be predicted as (MAE, table 1d): the call turns pictures into it. Buffers of a target stand in the
 * state as `target.…`; plain pixels have none.
 */
export interface Target extends Module<[Tensor], Tensor> {
  /** Numbers that the decoder gives for a patch: O. */
  readonly outputs: number;
  /** predicted [B M O], wanted [B M T], rows of what the call gives -> mean over patches [] float32 */
  loss(predicted: Tensor, wanted: Tensor): Tensor;
  /** predicted [B N O] of all patches of an image [B C H W] -> what they look like, as patches [B N P] */
  pixels(predicted: Tensor, image: Tensor): Tensor;
  /** The loss of a model that learned nothing but the mean (of tokens: their frequencies). */
  baseline(): number;
  /** One line on how `pixels` makes a picture. */
  note(): string;
  /** For targets that are fitted to pictures before training. */
  fit?(): Fit | undefined;
}
