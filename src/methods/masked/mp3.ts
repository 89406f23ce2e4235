/**
 * Position Prediction as an Effective Pretraining Strategy (MP3). Zhai, Jaitly, Ramapuram, Busbridge, Likhomanenko, Cheng, Talbott, Huang,
 * Goh, Susskind; ICML 2022, arXiv 2207.07611. No official code for pictures is public.
 *
 * What differs: the encoder keeps its class token, which belongs to every context and is left out of the loss; of the paper its abstract,
 * figure 1 and two tables were at hand, and what they leave open was chosen here (docs/methods/mp3.md says what).
 *
 * Expected: losses, gradients and three optimiser steps of an independent implementation in PyTorch (test/reference/mp3-*.safetensors).
 */
import { z } from "zod";
import { noGrad } from "../../engine/modes.js";
import { type PatchEncoder, placelessEncoder } from "../../models/encoder.js";
import { truncatedNormal } from "../../nn/init.js";
import { Linear } from "../../nn/linear.js";
import { arange } from "../../tensor/creation.js";
import { crossEntropy } from "../../tensor/functional.js";
import type { Rng } from "../../tensor/random.js";
import type { Tensor } from "../../tensor/tensor.js";
import { type DefaultsFacts, type MethodDefaults, rateFor } from "../defaults.js";
import type { Health } from "../health.js";
import { type Batch, defineMethod, type Loss, Method, type Step } from "../method.js";
import { augmentationConfig, maskedView } from "../parts/augmentation.js";
import { checkMaskRatio, drawMask, keptPatches } from "../parts/masks.js";

/** Schema of MP3's options (docs/methods/mp3.md). */
export const mp3Config = z.strictObject({
  name: z.literal("mp3").default("mp3"),
  maskRatio: z
    .number()
    .gt(0)
    .lt(1)
    .default(0.75)
    .describe("η: share of the patches that give neither keys nor values (table 2: 0.3 to 0.9)"),
  smoothing: z
    .number()
    .min(0)
    .default(0)
    .describe("σ of smoothed positions: a place counts by exp(−distance / σ²), in patches (DropPos); 0: none does"),
  augmentation: augmentationConfig,
});
/** MP3's options with their defaults filled in. */
export type Mp3Config = z.output<typeof mp3Config>;

/** MP3: patches that are not told where they stand look at a random few of them, and each is asked for its place. */
export class Mp3 extends Method<"image"> {
  readonly head: Linear; // [N D]

  constructor(
    readonly config: Mp3Config,
    readonly encoder: PatchEncoder,
  ) {
    super();
    checkMaskRatio(config.maskRatio, encoder.patches);
    this.head = new Linear(encoder.width, encoder.patches, { weightInit: truncatedNormal(0.02) });
  }

  /** image [B C H W] -> mean cross-entropy of the places of all patches; shares that are right, and at most one patch off */
  protected forward({ image }: Batch<"image">, { rng }: Step): Loss {
    const logits = this.places(image, this.draw(rng, image.device)); // [B N N]
    return { total: this.loss(logits), parts: noGrad(() => this.shares(logits)) };
  }

  /** The context, one for all blocks: for each sample of `rng` the numbers of patches that give keys and values [B M] */
  draw(rng: Rng, device: string): Tensor {
    const { ids, kept } = drawMask("random", this.config.maskRatio, this.encoder.grid, rng.fork("mask"), device);
    return ids.slice(1, 0, kept);
  }

  /** image [B C H W], context [B M] -> of every patch the logits of all places, row by row [B N N], float32 */
  places(image: Tensor, context: Tensor): Tensor {
    const { patchEmbed } = this.encoder;
    const tokens = patchEmbed.call(patchEmbed.unfold(image)); // [B N D]
    return this.head.call(this.encoder.encode(tokens, context).slice(1, 1)).float(); // [B N N]
  }

  /** logits [B N N] -> [] */
  loss(logits: Tensor): Tensor {
    const [B = 0, N = 0] = logits.shape;
    const { smoothing } = this.config;
    const own = arange(0, N, 1, { device: logits.device }); // [N]
    const wanted =
      smoothing === 0
        ? own.to("int64")
        : this.apart(own.unsqueeze(1), own)
            .div(-(smoothing ** 2))
            .softmax(-1); // [N] or [N N]
    const targets = wanted
      .unsqueeze(0)
      .expand([B, ...wanted.shape])
      .flatten(0, 1); // [B·N] or [B·N N]
    return crossEntropy(logits.flatten(0, 1), targets);
  }

  /** logits [B N N] -> shares of the patches whose likeliest place is their own, and is at most one patch from it, [] each */
  private shares(logits: Tensor): { accuracy: Tensor; nearby: Tensor } {
    const told = logits.detach().argmax(-1).float(); // [B N]
    const apart = this.apart(told, arange(0, logits.side(1), 1, { device: logits.device })); // [B N]
    return { accuracy: apart.eq(0).float().mean(), nearby: apart.le(1).float().mean() };
  }

  /** places by their numbers, float32, of shapes that go together -> how far they are apart, in patches */
  private apart(some: Tensor, others: Tensor): Tensor {
    const [, columns] = this.encoder.grid;
    const row = (place: Tensor): Tensor => place.add(0.5).div(columns).floor();
    const down = row(some).sub(row(others));
    const across = some.sub(others).sub(down.mul(columns));
    return down.pow(2).add(across.pow(2)).sqrt();
  }

  override health(): Health {
    return {
      loss: "falls",
      trivial: Math.log(this.encoder.patches),
      trivialAnswer: "finding every place equally likely",
      signals: [],
    };
  }
}

/** Of the optimiser the paper's text was not at hand: the rate is within what masked autoencoders of ViTs are trained with. */
function defaults({
  patches,
  width,
  depth,
  multiplyAdds,
  side,
  shorterSide = side,
  length,
}: DefaultsFacts): MethodDefaults {
  const [tokens, giving] = [1 + patches, 1 + keptPatches(patches, 0.75)];
  const block = tokens * (10 * width ** 2 + 2 * giving * width) + giving * 2 * width ** 2;
  return {
    choices: [
      { key: "model.positions", value: "none", reason: "where a patch stands is what is asked" },
      rateFor(5e-4, length?.batch, "MAE's is 1.5e-4 to 6e-4; the paper's was not at hand"),
    ],
    settings: { "method.augmentation": shorterSide < 64 ? "fixedCrop" : "randomCrop" },
    cost: (depth * block + patches ** 2 * width) / multiplyAdds,
    memory: 1,
    patches: "all encoded, one of four gives keys and values",
    schedule: { epochs: 2000, reason: "the paper's, for small pictures" },
  };
}

/** The definition of MP3 (Zhai et al. 2022): `{ name: "mp3" }` in a configuration. */
export const mp3 = defineMethod({
  name: "mp3",
  config: mp3Config,
  encoders: placelessEncoder,
  defaults,
  views: ({ augmentation }, image) => maskedView(augmentation, image),
  build: (config, makeEncoder) => new Mp3(config, makeEncoder()),
});
