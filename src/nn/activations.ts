/** Activations as links of a chain: they have no state, and take up a place in the numbering as in `torch.nn.Sequential`. */
import { gelu } from "../tensor/functional.js";
import type { Tensor } from "../tensor/tensor.js";
import { Module } from "./module.js";

/** max(x, 0) */
export class Relu extends Module {
  /** x [… D] -> [… D] */
  protected forward(x: Tensor): Tensor {
    return x.relu();
  }
}

/** x Φ(x), with the error function. */
export class Gelu extends Module {
  /** x [… D] -> [… D] */
  protected forward(x: Tensor): Tensor {
    return gelu(x);
  }
}

/** (eˣ − e⁻ˣ) / (eˣ + e⁻ˣ) */
export class Tanh extends Module {
  /** x [… D] -> [… D] */
  protected forward(x: Tensor): Tensor {
    return x.tanh();
  }
}
