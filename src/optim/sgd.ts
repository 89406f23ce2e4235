import { z } from "zod";
import { scope } from "../engine/scope.js";
import type { Tensor } from "../tensor/tensor.js";
import { type GroupSettings, type NamedTensor, type ParameterGroup, StatefulOptimizer } from "./optimizer.js";

export const sgdConfig = z.strictObject({
  name: z.literal("sgd"),
  baseLearningRate: z
    .number()
    .positive()
    .default(0.03)
    .describe("learning rate for 256 pictures a step; the absolute rate is base × batch / 256"),
  momentum: z.number().min(0).lt(1).default(0.9).describe("share of the last update that is kept"),
  nesterov: z.boolean().default(false).describe("look ahead along the momentum before stepping"),
  weightDecay: z.number().min(0).default(0).describe("L2 term added to the gradient"),
});

/** Options of SGD; the rate comes with every step, the decay with its group. */
export interface SgdOptions {
  readonly momentum: number;
  readonly nesterov?: boolean;
}

/**
 * Stochastic gradient descent with momentum, as `torch.optim.SGD` without dampening:
 * `g += decay·w; m = momentum·m + g; w −= rate·m` (Nesterov: `rate·(g + momentum·m)`).
 * LARS and LARC are this with another `scaled` (lars.ts, larc.ts).
 */
export class Sgd extends StatefulOptimizer {
  readonly #momentum: number;
  readonly #nesterov: boolean;
  /** Momentum buffers in the order of the parameters; without momentum there are none. */
  readonly #buffers = new Map<NamedTensor, Tensor>();

  constructor(groups: readonly ParameterGroup[], { momentum, nesterov = false }: SgdOptions) {
    super(groups);
    this.#momentum = momentum;
    this.#nesterov = nesterov;
    if (momentum === 0) return;
    for (const { tensors } of groups)
      for (const named of tensors) this.#buffers.set(named, this.slot("momentum_buffer", named));
  }

  protected update(settings: readonly GroupSettings[]): void {
    for (const [i, { tensors }] of this.groups.entries()) {
      // A scope for each, so that no more than one parameter's temporaries live at a time.
      for (const named of tensors) scope(() => this.#updateOne(named, settings[i] as GroupSettings));
    }
  }

  #updateOne(named: NamedTensor, { learningRate, weightDecay }: GroupSettings): void {
    const gradient = named.tensor.grad;
    if (gradient === undefined) return;
    named.tensor.add_(this.#direction(named, this.scaled(gradient, named.tensor, weightDecay)), -learningRate);
  }

  /** The gradient as it enters the momentum. */
  protected scaled(gradient: Tensor, weight: Tensor, weightDecay: number): Tensor {
    return weightDecay === 0 ? gradient : gradient.add(weight.mul(weightDecay));
  }

  #direction(named: NamedTensor, gradient: Tensor): Tensor {
    const buffer = this.#buffers.get(named);
    if (buffer === undefined) return gradient;
    buffer.mul_(this.#momentum).add_(gradient);
    return this.#nesterov ? gradient.add(buffer.mul(this.#momentum)) : buffer;
  }
}
