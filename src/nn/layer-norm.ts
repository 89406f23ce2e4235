import { layerNorm, layerNormForProducts } from "../tensor/functional.js";
import type { Tensor } from "../tensor/tensor.js";
import { one, zero } from "./init.js";
import { Module } from "./module.js";
import { Parameter } from "./parameter.js";

/** Layer normalisation over the last dimension (Ba, Kiros, Hinton 2016). ε = 1e-6 as in ViT, timm and MAE unless told otherwise. */
export class LayerNorm extends Module {
  readonly weight: Parameter; // [D]
  readonly bias: Parameter; // [D]

  readonly epsilon: number;
  /** Whether only matrix products read the result: under autocast it then comes in their type (functional.ts). */
  readonly forProducts: boolean;

  constructor(
    readonly width: number,
    { forProducts = false, epsilon = 1e-6 }: { forProducts?: boolean; epsilon?: number } = {},
  ) {
    super();
    this.epsilon = epsilon;
    this.forProducts = forProducts;
    this.weight = new Parameter([width], one);
    this.bias = new Parameter([width], zero);
  }

  /** x [… D] -> [… D] */
  protected forward(x: Tensor): Tensor {
    if (this.forProducts) return layerNormForProducts(x, this.weight, this.bias, this.epsilon);
    return layerNorm(x, [this.width], this.weight, this.bias, this.epsilon);
  }
}
