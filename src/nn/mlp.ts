import { gelu } from "../tensor/functional.js";
import type { Tensor } from "../tensor/tensor.js";
import { Linear } from "./linear.js";
import { Module } from "./module.js";
import type { Initializer } from "./parameter.js";

/** Two linear layers with the exact GELU between them. */
export class Mlp extends Module {
  readonly fc1: Linear;
  readonly fc2: Linear;

  /** @param weightInit first values of both weights; a linear layer's own if absent */
  constructor(width: number, hidden: number, weightInit?: Initializer) {
    super();
    const options = weightInit === undefined ? {} : { weightInit };
    this.fc1 = new Linear(width, hidden, options);
    this.fc2 = new Linear(hidden, width, options);
  }

  /** x [… D] -> [… D] */
  protected forward(x: Tensor): Tensor {
    return this.fc2.call(gelu(this.fc1.call(x)));
  }
}
