import { z } from "zod";
import { ones } from "../tensor/creation.js";
import type { Tensor } from "../tensor/tensor.js";
import type { ParameterGroup } from "./optimizer.js";
import { Sgd } from "./sgd.js";

/** Defaults are MAE's linear probe (He et al. 2021, appendix A.1, table 10). */
export const larsConfig = z.strictObject({
  name: z.literal("lars"),
  baseLearningRate: z
    .number()
    .positive()
    .default(0.1)
    .describe("learning rate for 256 pictures a step; the absolute rate is base × batch / 256"),
  momentum: z.number().min(0).lt(1).default(0.9).describe("share of the last update that is kept"),
  weightDecay: z.number().min(0).default(0).describe("L2 term added to the gradient of matrices"),
  trustCoefficient: z
    .number()
    .positive()
    .default(0.001)
    .describe("how far a matrix may move, as a share of its own norm"),
});

/** Options of LARS; the rate comes with every step, the decay with its group. */
export interface LarsOptions {
  readonly momentum: number;
  readonly trustCoefficient: number;
}

/**
 * LARS (You et al. 2017, https://arxiv.org/abs/1708.03888), as in MoCo v3 and MAE (util/lars.py): for tensors of two
 * or more dimensions `g += decay·w; g *= trust·|w| / |g|`; vectors (biases, norms) take neither. The rate stays
 * outside the momentum.
 */
export class Lars extends Sgd {
  readonly #trustCoefficient: number;

  constructor(groups: readonly ParameterGroup[], { momentum, trustCoefficient }: LarsOptions) {
    super(groups, { momentum });
    this.#trustCoefficient = trustCoefficient;
  }

  protected override scaled(gradient: Tensor, weight: Tensor, weightDecay: number): Tensor {
    if (weight.rank <= 1) return gradient;
    const decayed = super.scaled(gradient, weight, weightDecay);
    return decayed.mul(this.#trust(weight.norm(), decayed.norm()));
  }

  /** A scalar on the device, so that no step waits for it; 1 where either norm is zero. */
  #trust(weight: Tensor, gradient: Tensor): Tensor {
    const usable = weight.gt(0).logicalAnd(gradient.gt(0));
    const ratio = weight.mul(this.#trustCoefficient).div(gradient);
    return ratio.where(usable, ones([], { dtype: ratio.dtype, device: ratio.device }));
  }
}
