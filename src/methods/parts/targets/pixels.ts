import { Module } from "../../../nn/module.js";
import { patchify, type Size } from "../../../nn/patches.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Target } from "./target.js";

/**
 * A patch's own pixels, as they are or after normalising the patch (MAE, section 3 and table 1d; official
 * `forward_loss`: unbiased variance over all P values, ε inside the root).
 */
export class PixelTarget extends Module<[Tensor], Tensor> implements Target {
  readonly outputs: number;

  constructor(
    readonly patchSize: Size,
    channels: number,
    readonly normalize: boolean,
  ) {
    super();
    this.outputs = patchSize[0] * patchSize[1] * channels;
  }

  get kind(): "pixels" | "normalizedPixels" {
    return this.normalize ? "normalizedPixels" : "pixels";
  }

  /** image [B C H W] -> [B N P] */
  protected forward(image: Tensor): Tensor {
    const patches = patchify(image, this.patchSize, "channelsLast"); // [B N P]
    if (!this.normalize) return patches;
    const { mean, deviation } = statistics(patches); // [B N 1] each
    return patches.sub(mean).div(deviation); // [B N P]
  }

  /** Mean squared error (MAE, section 3). */
  loss(predicted: Tensor, wanted: Tensor): Tensor {
    return predicted.float().sub(wanted).pow(2).mean(); // []
  }

  pixels(predicted: Tensor, image: Tensor): Tensor {
    if (!this.normalize) return predicted.float(); // [B N P]
    const { mean, deviation } = statistics(patchify(image, this.patchSize, "channelsLast")); // [B N 1] each
    return predicted.float().mul(deviation).add(mean); // [B N P]
  }

  /** Predicting zero for a normalised patch costs (P - 1) / P, its variance being unbiased. */
  baseline(): number {
    return this.normalize ? 1 - 1 / this.outputs : 1;
  }

  note(): string {
    return this.normalize
      ? "predictions are of normalised patches, turned into pixels with each hidden patch's true mean and deviation"
      : "predictions are pixels";
  }
}

/** patches [B N P] -> mean and standard deviation of each [B N 1] */
function statistics(patches: Tensor): { mean: Tensor; deviation: Tensor } {
  return { mean: patches.mean([-1], true), deviation: patches.var([-1], 1, true).add(1e-6).sqrt() };
}
