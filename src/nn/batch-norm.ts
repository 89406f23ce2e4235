import { ShapeError } from "../engine/errors.js";
import { noGrad } from "../engine/modes.js";
import { batchNorm } from "../tensor/functional.js";
import type { Tensor } from "../tensor/tensor.js";
import { one, zero } from "./init.js";
import { Module } from "./module.js";
import { Buffer, Parameter } from "./parameter.js";

export interface BatchNormOptions {
  /** Whether a weight and a bias follow. */
  readonly affine?: boolean;
  readonly epsilon?: number;
  /** Share of the newest batch in the running statistics. */
  readonly momentum?: number;
}

/**
 * Batch normalisation of features (Ioffe and Szegedy 2015, algorithm 1), as `torch.nn.BatchNorm1d`: while training by the
 * mean and the biased variance of the batch, which are averaged into running ones (the variance unbiased); in evaluation
 * by these. MAE's linear probe puts one without weight and bias before the classifier, ε = 1e-6 (official `main_linprobe.py`).
 */
export class BatchNorm1d extends Module {
  readonly weight: Parameter | null; // [D]
  readonly bias: Parameter | null; // [D]
  readonly runningMean: Buffer; // [D]
  readonly runningVar: Buffer; // [D]
  readonly epsilon: number;
  readonly momentum: number;

  constructor(
    readonly width: number,
    { affine = true, epsilon = 1e-5, momentum = 0.1 }: BatchNormOptions = {},
  ) {
    super();
    this.weight = affine ? new Parameter([width], one) : null;
    this.bias = affine ? new Parameter([width], zero) : null;
    this.runningMean = new Buffer([width], zero);
    this.runningVar = new Buffer([width], one);
    this.epsilon = epsilon;
    this.momentum = momentum;
  }

  /** x [B D] -> [B D], float32. @throws ShapeError for a batch of one while training: it has no variance */
  protected forward(x: Tensor): Tensor {
    const [B = 0, D] = x.shape;
    if (x.rank !== 2 || D !== this.width || (this.training && B < 2)) {
      const expected = `[B ${this.width}]${this.training ? ", at least two rows while training" : ""}`;
      throw new ShapeError(`batch norm expects ${expected}, got [${x.shape.join(" ")}].`, {
        code: "shape",
        expected,
        actual: x.shape,
      });
    }
    const { weight, bias, runningMean: mean, runningVar: variance, training, momentum, epsilon } = this;
    return batchNorm(x.float(), { weight, bias, mean, variance, training, momentum, epsilon });
  }

  /** The weight [O D] and bias [O] of a linear layer that takes x itself and gives what it gave behind this norm. */
  foldInto(weight: Tensor, bias: Tensor): { weight: Tensor; bias: Tensor } {
    return noGrad(() => {
      const scale = this.runningVar.add(this.epsilon).rsqrt(); // [D]
      const slope = this.weight === null ? scale : scale.mul(this.weight); // [D]
      const shift = this.runningMean.mul(slope).neg(); // [D]
      const offset = this.bias === null ? shift : shift.add(this.bias); // [D]
      return { weight: weight.mul(slope), bias: bias.add(weight.matmul(offset)) };
    });
  }
}
