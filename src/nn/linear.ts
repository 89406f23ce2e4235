import { ShapeError } from "../engine/errors.js";
import { withoutAutocast } from "../engine/modes.js";
import { linear } from "../tensor/functional.js";
import type { Tensor } from "../tensor/tensor.js";
import { one, xavierUniform, zero } from "./init.js";
import { Module } from "./module.js";
import { type Initializer, Parameter } from "./parameter.js";

/** y = x Wᵀ + b. Xavier-uniform weight and zero bias, as every linear layer of the MAE family starts. */
export class Linear extends Module {
  readonly weight: Parameter; // [O I]
  readonly bias: Parameter | null; // [O]

  constructor(
    readonly inputs: number,
    readonly outputs: number,
    options: { bias?: boolean; weightInit?: Initializer; biasInit?: Initializer } = {},
  ) {
    super();
    this.weight = new Parameter([outputs, inputs], options.weightInit ?? xavierUniform);
    this.bias = (options.bias ?? true) ? new Parameter([outputs], options.biasInit ?? zero) : null;
  }

  /** x [… I] -> [… O] */
  protected forward(x: Tensor): Tensor {
    if (x.side(-1) !== this.inputs) {
      throw new ShapeError({
        problem: `linear expects [… ${this.inputs}], got [${x.shape.join(" ")}].`,
        code: "shape",
        expected: ["…", this.inputs],
        actual: x.shape,
      });
    }
    return linear(x, this.weight, this.bias);
  }
}

/**
 * y = x Wᵀ, each row of W kept as a direction and a length: `w = g · v / ‖v‖` (Salimans & Kingma 2016; PyTorch's `weight_norm` of a
 * linear layer without bias). Lengths begin at 1. In float32 under every precision.
 */
export class WeightNormLinear extends Module {
  readonly weightG: Parameter; // [O 1]
  readonly weightV: Parameter; // [O I]

  /** @param trainsLength without it the rows keep the length 1 */
  constructor(inputs: number, outputs: number, weightInit: Initializer, trainsLength = true) {
    super();
    this.weightG = new Parameter([outputs, 1], one, trainsLength);
    this.weightV = new Parameter([outputs, inputs], weightInit);
  }

  /** x [… I] -> [… O] */
  protected forward(x: Tensor): Tensor {
    return withoutAutocast(() => {
      const length = this.weightV.mul(this.weightV).sum([1], true).sqrt(); // [O 1]
      return linear(x.float(), this.weightV.mul(this.weightG.div(length)), null);
    });
  }
}
