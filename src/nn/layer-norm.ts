import { layerNorm } from "../tensor/functional.js";
import type { Tensor } from "../tensor/tensor.js";
import { one, zero } from "./init.js";
import { Module } from "./module.js";
import { Parameter } from "./parameter.js";

/** Layer normalisation over the last dimension (Ba, Kiros, Hinton 2016). ε = 1e-6 as in ViT, timm and MAE. */
export class LayerNorm extends Module {
  readonly weight: Parameter; // [D]
  readonly bias: Parameter; // [D]

  constructor(
    readonly width: number,
    readonly epsilon = 1e-6,
  ) {
    super();
    this.weight = new Parameter([width], one);
    this.bias = new Parameter([width], zero);
  }

  /** x [… D] -> [… D] */
  protected forward(x: Tensor): Tensor {
    return layerNorm(x, [this.width], this.weight, this.bias, this.epsilon);
  }
}
