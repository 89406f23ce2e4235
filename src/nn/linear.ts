import { ShapeError } from "../engine/errors.js";
import { linear } from "../tensor/functional.js";
import type { Tensor } from "../tensor/tensor.js";
import { xavierUniform, zero } from "./init.js";
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
