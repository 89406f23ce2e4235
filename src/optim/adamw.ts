import { z } from "zod";
import { aten, type Tensor } from "../tensor/tensor.js";
import { type GroupSettings, type ParameterGroup, StatefulOptimizer } from "./optimizer.js";

/** Defaults are MAE's pre-training recipe (He et al. 2021, appendix A.1). */
export const adamwConfig = z.strictObject({
  name: z.literal("adamw"),
  baseLearningRate: z
    .number()
    .positive()
    .default(1.5e-4)
    .describe("learning rate for 256 pictures a step; the absolute rate is base × batch / 256"),
  betas: z
    .tuple([z.number().min(0).lt(1), z.number().min(0).lt(1)])
    .default([0.9, 0.95])
    .describe("decay of the running means of the gradient and of its square"),
  epsilon: z.number().positive().default(1e-8).describe("added to the root of the mean square"),
  weightDecay: z.number().min(0).default(0.05).describe("decoupled decay of the tensors that the decay rule names"),
});
export type AdamWConfig = z.output<typeof adamwConfig>;

/** Options of AdamW; the rate comes with every step, the decay with its group. */
export type AdamWOptions = Pick<AdamWConfig, "betas" | "epsilon">;

/** What the fused operation wants beside a parameter. */
interface Member {
  readonly tensor: Tensor;
  readonly average: Tensor;
  readonly averageSquare: Tensor;
  /** Steps of this parameter, float32 on its device: the bias correction counts only steps that had a gradient. */
  readonly steps: Tensor;
}

/**
 * AdamW (Loshchilov & Hutter 2019, https://arxiv.org/abs/1711.05101), as `torch.optim.AdamW(fused=True)`: bias-corrected
 * Adam, and `weight *= 1 − rate × decay` apart from it. One fused operation for each group.
 */
export class AdamW extends StatefulOptimizer {
  readonly #options: AdamWOptions;
  readonly #members: readonly (readonly Member[])[];

  constructor(groups: readonly ParameterGroup[], options: AdamWOptions) {
    super(groups);
    this.#options = options;
    this.#members = groups.map((group) =>
      group.tensors.map((named) => ({
        tensor: named.tensor,
        average: this.slot("exp_avg", named),
        averageSquare: this.slot("exp_avg_sq", named),
        steps: this.slot("step", named, { shape: [], dtype: "float32" }),
      })),
    );
  }

  protected update(settings: readonly GroupSettings[]): void {
    for (const [i, group] of settings.entries()) this.#updateGroup(this.#members[i] ?? [], group);
  }

  #updateGroup(members: readonly Member[], { learningRate: lr, weightDecay }: GroupSettings): void {
    const gradients: Tensor[] = [];
    const ready = members.filter(({ tensor }) => {
      const gradient = tensor.grad;
      if (gradient !== undefined) gradients.push(gradient);
      return gradient !== undefined;
    });
    if (ready.length === 0) return;
    const steps = ready.map((member) => member.steps);
    aten("_foreach_add_.Scalar", steps, 1);
    const [beta1, beta2] = this.#options.betas;
    aten(
      "_fused_adamw_",
      ready.map((member) => member.tensor),
      gradients,
      ready.map((member) => member.average),
      ready.map((member) => member.averageSquare),
      [],
      steps,
      { lr, beta1, beta2, weight_decay: weightDecay, eps: this.#options.epsilon, amsgrad: false, maximize: false },
    );
  }
}
