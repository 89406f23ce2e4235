import { Gelu } from "../../nn/activations.js";
import { BatchNorm1d } from "../../nn/batch-norm.js";
import { truncatedNormal } from "../../nn/init.js";
import { Linear, WeightNormLinear } from "../../nn/linear.js";
import { Chain, Module } from "../../nn/module.js";
import { normalize } from "../../tensor/functional.js";
import type { Tensor } from "../../tensor/tensor.js";

/** Sizes of DINO's head. */
export interface DinoHeadShape {
  readonly inputs: number;
  /** Linear layers before the last one, two at least. */
  readonly layers: number;
  readonly hidden: number;
  /** Width of the unit vectors that the last layer compares with its rows. */
  readonly bottleneck: number;
  readonly outputs: number;
  /** Batch norm between the layers. */
  readonly batchNorm: boolean;
  /** Whether the rows of the last layer keep the length 1. */
  readonly normLastLayer: boolean;
}

/**
 * DINO's head (vision_transformer.py, `DINOHead`): linear layers with GELU between them, a unit vector, and the cosines of it with the
 * rows of a weight-normalised layer. Weights start truncated normal, deviation 0.02, biases at zero.
 */
export class DinoHead extends Module {
  readonly mlp: Chain<Module>;
  readonly lastLayer: WeightNormLinear;

  constructor({ inputs, layers, hidden, bottleneck, outputs, batchNorm, normLastLayer }: DinoHeadShape) {
    super();
    const weightInit = truncatedNormal(0.02);
    const links = Array.from({ length: layers }, (_, i): Module[] => {
      const isLast = i === layers - 1;
      const linear = new Linear(i === 0 ? inputs : hidden, isLast ? bottleneck : hidden, { weightInit });
      return isLast ? [linear] : [linear, ...(batchNorm ? [new BatchNorm1d(hidden)] : []), new Gelu()];
    });
    this.mlp = new Chain<Module>(links.flat());
    this.lastLayer = new WeightNormLinear(bottleneck, outputs, weightInit, !normLastLayer);
  }

  /** features [B D] -> scores [B K], float32 */
  protected forward(features: Tensor): Tensor {
    return this.lastLayer.call(normalize(this.mlp.call(features).float())); // [B K]
  }
}
