import { gelu } from "../tensor/functional.js";
import type { Tensor } from "../tensor/tensor.js";
import { Linear } from "./linear.js";
import { Module } from "./module.js";

/** Two linear layers with the exact GELU between them. */
export class Mlp extends Module {
  readonly fc1: Linear;
  readonly fc2: Linear;

  constructor(width: number, hidden: number) {
    super();
    this.fc1 = new Linear(width, hidden);
    this.fc2 = new Linear(hidden, width);
  }

  /** x [… D] -> [… D] */
  protected forward(x: Tensor): Tensor {
    return this.fc2.call(gelu(this.fc1.call(x)));
  }
}
