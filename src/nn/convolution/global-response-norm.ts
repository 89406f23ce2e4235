import { globalResponseNorm } from "../../tensor/functional.js";
import type { Tensor } from "../../tensor/tensor.js";
import { zero } from "../init.js";
import { Module } from "../module.js";
import { Parameter } from "../parameter.js";

/**
 * Global response normalisation (ConvNeXt V2, Woo et al., CVPR 2023, section 4): channels of an image compete by their norm over
 * its positions. Identity at first. The norm is an image's own, as in the paper; the official sparse layer takes it over the batch.
 */
export class GlobalResponseNorm extends Module {
  readonly gamma: Parameter; // [1 1 1 C]
  readonly beta: Parameter; // [1 1 1 C]

  constructor(readonly width: number) {
    super();
    this.gamma = new Parameter([1, 1, 1, width], zero);
    this.beta = new Parameter([1, 1, 1, width], zero);
  }

  /** x [B H W C] -> [B H W C] */
  protected forward(x: Tensor): Tensor {
    return globalResponseNorm(x, this.gamma, this.beta);
  }
}
