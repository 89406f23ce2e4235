import { z } from "zod";
import type { Tensor } from "../tensor/tensor.js";
import type { ParameterGroup } from "./optimizer.js";
import { Sgd } from "./sgd.js";

/** Schema of LARC's options. Defaults are SwAV's recipe (Caron et al. 2020, appendix A; its released runs with 4,096 pictures a step). */
export const larcConfig = z.strictObject({
  name: z.literal("larc"),
  baseLearningRate: z
    .number()
    .positive()
    .default(0.3)
    .describe("learning rate for 256 pictures a step; the absolute rate is base × batch / 256"),
  momentum: z.number().min(0).lt(1).default(0.9).describe("share of the last update that is kept"),
  weightDecay: z.number().min(0).default(1e-6).describe("L2 term added to the gradient"),
  trustCoefficient: z
    .number()
    .positive()
    .default(0.001)
    .describe("how far a tensor may move, as a share of its own norm"),
});

/** Options of LARC; the rate comes with every step, the decay with its group. */
export interface LarcOptions {
  readonly momentum: number;
  readonly trustCoefficient: number;
}

/** Apex's: keeps the ratio finite where a gradient is nearly zero. */
const epsilon = 1e-8;

/**
 * LARC (You et al. 2017, https://arxiv.org/abs/1708.03888) as NVIDIA's apex has it, without clipping: every tensor, vectors too, takes
 * `(g + decay·w) · trust·|w| / (|g| + decay·|w| + 1e-8)` into SGD's momentum; a tensor or a gradient that is zero takes `g`.
 */
export class Larc extends Sgd {
  readonly #trustCoefficient: number;

  constructor(groups: readonly ParameterGroup[], { momentum, trustCoefficient }: LarcOptions) {
    super(groups, { momentum });
    this.#trustCoefficient = trustCoefficient;
  }

  protected override scaled(gradient: Tensor, weight: Tensor, weightDecay: number): Tensor {
    const [own, of] = [weight.norm(), gradient.norm()]; // scalars on the device, so that no step waits for them
    const ratio = own.mul(this.#trustCoefficient).div(of.add(own.mul(weightDecay)).add(epsilon)); // []
    const isUsable = own.gt(0).logicalAnd(of.gt(0)); // []
    return super.scaled(gradient, weight, weightDecay).mul(ratio).where(isUsable, gradient);
  }
}
