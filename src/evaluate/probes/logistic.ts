import { noGrad } from "../../engine/modes.js";
import { scope } from "../../engine/scope.js";
import { type LbfgsOptions, lbfgs, type Objective } from "../../optim/lbfgs.js";
import { linear } from "../../tensor/functional.js";
import { aten, type Tensor, tensor } from "../../tensor/tensor.js";

/** A linear classifier in plain numbers. */
export interface LogisticModel {
  /** [C·D], a row of weights for each class */
  readonly weight: Float64Array;
  /** [C] */
  readonly bias: Float64Array;
  /** Mean log loss and the penalty at the end. */
  readonly loss: number;
  readonly iterations: number;
  readonly converged: boolean;
}

export interface LogisticOptions extends Partial<LbfgsOptions> {
  readonly classes: number;
  /** Penalty `l2 / 2 · |weight|²` beside the mean log loss; scikit-learn's `C` is 1 / (l2 · N). Biases are free. */
  readonly l2: number;
  /** Where to start: the same problem with another penalty is near. Zeros unless said. */
  readonly start?: Pick<LogisticModel, "weight" | "bias">;
}

/**
 * Multinomial logistic regression on all rows at once, by L-BFGS. features [N D] float32 or float64, and the products
 * with them are in that type; probabilities, sums and the search are in float64. The same numbers on every run with the
 * same thread count.
 */
export function fitLogistic(features: Tensor, labels: Int32Array, options: LogisticOptions): LogisticModel {
  const { classes, l2, start, tolerance = 1e-4, maxIterations = 200, memory = 10 } = options;
  const weights = classes * features.side(1);
  const point = new Float64Array(weights + classes);
  if (start !== undefined) {
    point.set(start.weight);
    point.set(start.bias, weights);
  }
  return scope(() =>
    noGrad(() => {
      const hot = aten("one_hot", tensor(labels).toDevice(features.device).to("int64"), classes).to("float64"); // [N C]
      const objective = logLoss(features, hot, l2);
      const found = lbfgs(objective, point, { tolerance, maxIterations, memory });
      const { value: loss, iterations, converged } = found;
      return { weight: found.point.slice(0, weights), bias: found.point.slice(weights), loss, iterations, converged };
    }),
  );
}

/** Mean log loss plus penalty, and its gradient, as a function of [weight, bias]. hot [N C] */
function logLoss(features: Tensor, hot: Tensor, l2: number): Objective {
  const [rows, classes] = [hot.side(0), hot.side(1)];
  const weights = classes * features.side(1);
  return (point) =>
    scope(() => {
      const weight = point.subarray(0, weights);
      const logProbabilities = scores(features, weight, point.subarray(weights)).logSoftmax(1); // [N C]
      const loss = -logProbabilities.mul(hot).sum().item() / rows;
      const excess = logProbabilities.exp().sub(hot).div(rows); // [N C]
      const gradient = new Float64Array(point.length);
      gradient.set(
        excess.to(features.dtype).transpose(0, 1).matmul(features).to("float64").flatten().toArray() as Float64Array,
      );
      gradient.set(excess.sum([0]).toArray() as Float64Array, weights);
      let square = 0;
      for (const [i, value] of weight.entries()) {
        gradient[i] = (gradient[i] as number) + l2 * value;
        square += value * value;
      }
      return { value: loss + 0.5 * l2 * square, gradient };
    });
}

/** Logarithms of probabilities up to a number of each row: float64 [N C] */
export function scores(features: Tensor, weight: Float64Array, bias: Float64Array): Tensor {
  const matrix = tensor(weight, [bias.length, features.side(1)])
    .to(features.dtype)
    .toDevice(features.device); // [C D]
  const products = linear(features, matrix, null).to("float64");
  return products.add(tensor(bias).toDevice(features.device));
}

/** The most probable class of each row. features [N D] */
export function classify({ weight, bias }: Pick<LogisticModel, "weight" | "bias">, features: Tensor): Int32Array {
  return scope(() => noGrad(() => scores(features, weight, bias).argmax(1).to("int32").toArray() as Int32Array));
}
