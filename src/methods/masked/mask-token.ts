import type { PatchEncoder } from "../../models/encoder.js";
import type { ExportGraph } from "../../models/exports.js";
import { truncatedNormal, zero } from "../../nn/init.js";
import { Linear } from "../../nn/linear.js";
import { Parameter } from "../../nn/parameter.js";
import { take } from "../../tensor/functional.js";
import type { Rng } from "../../tensor/random.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { Health } from "../health.js";
import { type GivenMask, type Hiding, Method, type Reconstruction, type Step } from "../method.js";
import { fillPictures } from "../parts/filling/fill.js";
import { fillInGraph } from "../parts/filling/fill-in-graph.js";
import { checkMaskRatio, drawMask, encodeWithMaskToken, hiddenPatches, type Mask, maskOf } from "../parts/masks.js";
import { PixelTarget } from "../parts/targets/pixels.js";
import type { Target } from "../parts/targets/target.js";

/** What methods of this kind let choose. */
interface HidingConfig {
  readonly maskRatio: number;
  readonly mask: "block" | "random";
}

/** What is predicted of hidden patches, and what it was to be. */
export interface Predicted {
  readonly predicted: Tensor; // [B M O]
  readonly wanted: Tensor; // [B M T]
}

/**
 * Masked prediction without a decoder: the encoder sees every patch, hidden ones as a mask token, and one linear layer predicts the target
 * of the hidden ones (MaskFeat, BEiT).
 */
export abstract class MaskTokenMethod<
  Config extends HidingConfig,
  E extends PatchEncoder = PatchEncoder,
> extends Method<"image"> {
  readonly maskToken: Parameter; // [1 1 D]
  readonly head: Linear;

  constructor(
    readonly config: Config,
    readonly encoder: E,
    readonly target: Target,
  ) {
    super();
    checkMaskRatio(config.maskRatio, encoder.patches);
    this.maskToken = new Parameter([1, 1, encoder.width], truncatedNormal(0.02));
    this.head = new Linear(encoder.width, target.outputs, { weightInit: truncatedNormal(0.02), biasInit: zero });
  }

  draw(rng: Rng, device: string): Mask {
    return drawMask(this.config.mask, this.config.maskRatio, this.encoder.grid, rng.fork("mask"), device);
  }

  /** image [B C H W] and its mask -> what is predicted of the hidden patches, and what they are */
  predict(image: Tensor, mask: Mask): Predicted {
    const hidden = mask.ids.slice(1, mask.kept); // [B M]
    const latent = encodeWithMaskToken(this.encoder, image, mask, this.maskToken); // [B 1+N D]
    const predicted = this.head.call(take(latent.slice(1, 1), hidden)); // [B M O]
    return { predicted, wanted: take(this.target.call(image), hidden) }; // [B M T]
  }

  /** image [B C H W] -> mean error of the hidden patches [] */
  loss(image: Tensor, mask: Mask): Tensor {
    const { predicted, wanted } = this.predict(image, mask);
    return this.target.loss(predicted, wanted); // []
  }

  override reconstruct(image: Tensor, { rng }: Step, given?: GivenMask): Reconstruction {
    const mask = given === undefined ? this.draw(rng, image.device) : maskOf(given.ids, given.kept);
    const { masked, rebuilt, predicted, hidden } = this.fillIn(image, mask);
    return { masked, rebuilt, predicted, mask: hidden };
  }

  /** image [B C H W] and a mask -> latent [B 1+N D], what is predicted of every patch [B N O], hidden [B N], pictures [B C H W] */
  private fillIn(image: Tensor, mask: Mask) {
    const { patchSize: patch, grid } = this.encoder;
    const latent = encodeWithMaskToken(this.encoder, image, mask, this.maskToken); // [B 1+N D]
    const prediction = this.head.call(latent.slice(1, 1)); // [B N O]
    const hidden = hiddenPatches(mask); // [B N]
    return {
      latent,
      prediction,
      hidden,
      ...fillPictures(image, this.target.pixels(prediction, image), hidden, { patch, grid }),
    };
  }

  override hiding(): Hiding {
    const { grid, patchSize: cell } = this.encoder;
    return { share: this.config.maskRatio, grid, cell };
  }

  override health(): Health {
    return { loss: "falls", trivial: this.target.baseline(), trivialAnswer: "predicting the mean", signals: [] };
  }

  override exports(): readonly ExportGraph[] {
    const { channels, imageSize, patches } = this.encoder;
    return [
      fillInGraph({
        ...{ module: this, channels, imageSize, patches },
        run: (image, visible, restore) => {
          const { latent, prediction, rebuilt } = this.fillIn(image, { ids: visible, restore, kept: visible.side(1) });
          return { prediction, rebuilt, features: latent.slice(1, 1).mean([1]) };
        },
      }),
    ];
  }

  override pixelTarget(): "pixels" | "normalizedPixels" | undefined {
    return this.target instanceof PixelTarget ? this.target.kind : undefined;
  }

  override pictureNote(): string {
    return this.target.note();
  }
}
