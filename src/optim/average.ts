import { ShapeError } from "../engine/errors.js";
import { noGrad } from "../engine/modes.js";
import { outside } from "../engine/scope.js";
import { aten, type Tensor } from "../tensor/tensor.js";
import type { NamedTensor } from "./optimizer.js";

/**
 * One step of an exponential moving average: `target = decay·target + (1 − decay)·source`, in place, by position
 * (momentum encoders: MoCo, BYOL, DINO).
 */
export function averageInto(targets: readonly Tensor[], sources: readonly Tensor[], decay: number): void {
  if (targets.length !== sources.length) {
    throw new ShapeError({
      problem: `an average of ${targets.length} tensors was given ${sources.length}.`,
      code: "average-count",
      expected: targets.length,
      actual: sources.length,
    });
  }
  if (targets.length === 0) return;
  noGrad(() => aten("_foreach_lerp_.Scalar", targets, sources, 1 - decay));
}

/** Keeps averaged copies of parameters beside them (evaluation weights). */
export class ParameterAverage {
  readonly #sources: readonly Tensor[];
  /** The averages, under the parameters' names. */
  readonly tensors: readonly NamedTensor[];

  constructor(parameters: readonly NamedTensor[]) {
    this.#sources = parameters.map(({ tensor }) => tensor);
    this.tensors = outside(() =>
      noGrad(() => parameters.map(({ name, tensor }) => ({ name, tensor: tensor.clone() }))),
    );
  }

  /** Moves the averages towards the parameters' present values. */
  update(decay: number): void {
    averageInto(
      this.tensors.map(({ tensor }) => tensor),
      this.#sources,
      decay,
    );
  }

  close(): void {
    for (const { tensor } of this.tensors) tensor.dispose();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
