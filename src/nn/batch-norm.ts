import { ShapeError } from "../engine/errors.js";
import { noGrad } from "../engine/modes.js";
import { cat } from "../tensor/creation.js";
import { type BatchNormParts, batchNorm } from "../tensor/functional.js";
import { isRecomputing } from "../tensor/grad.js";
import type { Tensor } from "../tensor/tensor.js";
import { one, zero } from "./init.js";
import { Module } from "./module.js";
import { Buffer, type Initializer, Parameter } from "./parameter.js";

/** Options of batch normalisation, as PyTorch's; `splits` is ours. */
export interface BatchNormOptions {
  /** Whether a weight and a bias follow; `scale`: a weight alone. */
  readonly affine?: boolean | "scale";
  readonly epsilon?: number;
  /** Share of the newest batch in the running statistics. */
  readonly momentum?: number;
  /** First values of the weight; ones if absent. */
  readonly weightInit?: Initializer;
  /**
   * Parts of a batch that are normalised each by itself while training, as on so many devices (MoCo's CIFAR-10 notebook): row i
   * belongs to part i modulo their number. One if absent.
   */
  readonly splits?: number;
}

/**
 * Batch normalisation (Ioffe and Szegedy 2015, algorithm 1), as `torch.nn.BatchNorm1d` and `BatchNorm2d`: while training by the
 * mean and the biased variance of the batch, which are averaged into running ones (the variance unbiased); in evaluation by
 * these. Where a checkpointed segment is computed again they stay as the first pass left them.
 */
abstract class BatchNorm extends Module {
  readonly weight: Parameter | null; // [D]
  readonly bias: Parameter | null; // [D]
  readonly runningMean: Buffer; // [D]
  readonly runningVar: Buffer; // [D]
  readonly epsilon: number;
  readonly momentum: number;
  readonly splits: number;

  constructor(
    readonly width: number,
    { affine = true, epsilon = 1e-5, momentum = 0.1, weightInit = one, splits = 1 }: BatchNormOptions = {},
  ) {
    super();
    this.weight = affine === false ? null : new Parameter([width], weightInit);
    this.bias = affine === true ? new Parameter([width], zero) : null;
    this.runningMean = new Buffer([width], zero);
    this.runningVar = new Buffer([width], one);
    this.epsilon = epsilon;
    this.momentum = momentum;
    this.splits = splits;
  }

  /** x [B D …] -> the same shape. @throws ShapeError for another rank or width, or one value a channel while training */
  protected normalize(x: Tensor, rank: number, expected: string, atLeast: string): Tensor {
    const [B = 0, D, ...positions] = x.shape;
    const values = positions.reduce((product, side) => product * side, B);
    const splits = this.training ? this.splits : 1;
    if (x.rank !== rank || D !== this.width || (this.training && values < 2 * splits) || B % splits > 0) {
      const parts = splits > 1 ? ` in each of ${splits} equal parts of the batch` : "";
      const wanted = `${expected}${this.training ? `, at least ${atLeast}${parts} while training` : ""}`;
      throw new ShapeError({
        problem: `batch norm expects ${wanted}, got [${x.shape.join(" ")}].`,
        code: "shape",
        expected: wanted,
        actual: x.shape,
      });
    }
    const { weight, bias, training, momentum, epsilon } = this;
    const [mean, variance] = isRecomputing() && training ? [null, null] : [this.runningMean, this.runningVar];
    const parts = { weight, bias, mean, variance, training, momentum, epsilon };
    return splits > 1 ? inParts(x, splits, parts) : batchNorm(x, parts);
  }
}

/** x [B D …] as [B/S S·D …]: a channel of a part is a channel of its own. Running statistics become the mean of the parts'. */
function inParts(x: Tensor, splits: number, { weight, bias, mean, variance, ...rest }: BatchNormParts): Tensor {
  const [B = 0, D = 0, ...positions] = x.shape;
  const each = <T extends Tensor | null>(vector: T) =>
    vector === null ? null : cat(Array<Tensor>(splits).fill(vector)); // [S·D]
  const statistics = noGrad(() => [mean, variance].map((own) => each(own)));
  const [means = null, variances = null] = statistics;
  const folded = x.reshape([B / splits, splits * D, ...positions]);
  const all = { weight: each(weight), bias: each(bias), mean: means, variance: variances };
  const normed = batchNorm(folded, { ...all, ...rest }).reshape(x.shape);
  noGrad(() => {
    for (const [i, own] of [mean, variance].entries())
      own?.copy_((statistics[i] as Tensor).reshape([splits, D]).mean([0]));
  });
  return normed;
}

/** Of maps: each channel over the batch and all positions. */
export class BatchNorm2d extends BatchNorm {
  /** x [B D H W] -> [B D H W] */
  protected forward(x: Tensor): Tensor {
    return this.normalize(x, 4, `[B ${this.width} H W]`, "two values a channel");
  }
}

/** Of features. MAE's linear probe puts one without weight and bias before the classifier, ε = 1e-6 (`main_linprobe.py`). */
export class BatchNorm1d extends BatchNorm {
  /** x [B D] -> [B D], float32. @throws ShapeError for a batch of one while training: it has no variance */
  protected forward(x: Tensor): Tensor {
    return this.normalize(x.float(), 2, `[B ${this.width}]`, "two rows");
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
