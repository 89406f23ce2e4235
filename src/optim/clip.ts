import { noGrad } from "../engine/modes.js";
import { scope } from "../engine/scope.js";
import { stack, zeros } from "../tensor/creation.js";
import { aten, type Tensor } from "../tensor/tensor.js";
import type { NamedTensor } from "./optimizer.js";

/**
 * The Euclidean norm of all gradients together, a scalar tensor: reading it is left to the caller, since on a GPU that
 * waits. Parameters without a gradient do not count; 0 where none has one.
 */
export function gradientNorm(parameters: readonly NamedTensor[]): Tensor {
  return scope(() => noGrad(() => normOf(gradientsOf(parameters))));
}

/**
 * Shortens the gradients in place so that their common norm is at most `maximum`, as `torch.nn.utils.clip_grad_norm_`
 * does. @returns the norm before clipping, a scalar tensor
 */
export function clipGradientNorm(parameters: readonly NamedTensor[], maximum: number): Tensor {
  return scope(() =>
    noGrad(() => {
      const gradients = gradientsOf(parameters);
      const norm = normOf(gradients);
      // PyTorch's 1e-6: gradients at the very limit are shortened by a millionth too.
      const factor = norm.add(1e-6).reciprocal().mul(maximum).clamp(null, 1);
      if (gradients.length > 0) aten("_foreach_mul_.Tensor", gradients, factor);
      return norm;
    }),
  );
}

/**
 * Shortens the gradient of every parameter in place, each by itself, so that none has a norm above `maximum` (DINO's
 * `clip_gradients`). Reads nothing back. @returns the largest norm before clipping, a scalar tensor
 */
export function clipEachGradient(parameters: readonly NamedTensor[], maximum: number): Tensor {
  return scope(() =>
    noGrad(() => {
      const gradients = gradientsOf(parameters);
      if (gradients.length === 0) return zeros([]);
      const norms = stack(aten("_foreach_norm.Scalar", gradients)); // [parameters]
      const factors = norms.add(1e-6).reciprocal().mul(maximum).clamp(null, 1);
      for (const [i, gradient] of gradients.entries()) gradient.mul_(factors.select(0, i));
      return norms.amax([0]);
    }),
  );
}

function gradientsOf(parameters: readonly NamedTensor[]): Tensor[] {
  return parameters.flatMap(({ tensor }) => tensor.grad ?? []);
}

function normOf(gradients: readonly Tensor[]): Tensor {
  return gradients.length === 0 ? zeros([]) : stack(aten("_foreach_norm.Scalar", gradients)).norm();
}
