import type { Tensor } from "../tensor/tensor.js";
import { Module } from "./module.js";

/** max(x, 0), as a link of a chain: it has no state, and takes up a place in the numbering as in `torch.nn.Sequential`. */
export class Relu extends Module {
  /** x [… D] -> [… D] */
  protected forward(x: Tensor): Tensor {
    return x.relu();
  }
}
