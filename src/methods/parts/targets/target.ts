import type { Module } from "../../../nn/module.js";
import type { Rng } from "../../../tensor/random.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Fit } from "../../method.js";

/** Patches that a basis or a codebook is fitted to: 1024 pictures of 8 × 8 patches, 335 of 14 × 14. */
export const patchesToFit = 65_536;

/** How a target is fitted to pictures before the first step. */
export interface TargetFit {
  /** How many patches are wanted, or all of them where there are fewer. */
  readonly patches: number;
  /** images [n C H W], augmented as in training */
  run(images: Tensor, rng: Rng): void;
}

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
  fit?(): TargetFit | undefined;
}

/** How a method with such a target begins: pictures enough for the target's patches. @param encoder its patches are those of a picture */
export function fitOf(target: Target, { patches }: { readonly patches: number }): Fit | undefined {
  const fit = target.fit?.();
  return fit && { view: "image", pictures: Math.ceil(fit.patches / patches), run: fit.run };
}
