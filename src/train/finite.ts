import { noGrad } from "../engine/modes.js";
import { scope, tensorsIn } from "../engine/scope.js";
import { LacunaError } from "../errors.js";
import { watchOutputs } from "../nn/module.js";
import { aten, type Tensor } from "../tensor/tensor.js";

/** A loss or a gradient that is not a number; `path` names the first module that made one. */
export class NonFiniteError extends LacunaError {
  constructor(
    problem: string,
    path: string,
    /** Ids of the batch's pictures: the batch can be made again from them. */
    readonly samples: readonly number[],
    remedy: string,
  ) {
    super({ problem, code: "non-finite", path, expected: "finite numbers", actual: "NaN or infinity", remedy });
  }
}

/** Ends the search for the first output that is not finite; modules add their names to its path. */
class NonFiniteOutput extends LacunaError {}

function allFinite(value: Tensor): boolean {
  return noGrad(() => scope(() => aten("isfinite", value.detach()).all().item() === 1));
}

/** Looks for the cause of a non-finite loss: the input, a parameter, or the first module whose output is not finite. */
export function findNonFinite(
  model: { state(): ReadonlyMap<string, Tensor> },
  inputs: readonly Tensor[],
  forward: () => unknown,
): { path: string; what: string } {
  if (!inputs.every(allFinite)) return { path: "data", what: "the pictures of the batch are not finite" };
  for (const [name, value] of model.state())
    if (!allFinite(value)) return { path: name, what: "the parameter is not finite" };
  try {
    watchOutputs(
      (result) => {
        if (tensorsIn(result).every((value) => allFinite(value as Tensor))) return;
        throw new NonFiniteOutput({ code: "non-finite-output", expected: "finite numbers", actual: "others" });
      },
      () => noGrad(() => scope(() => void forward())),
    );
  } catch (error) {
    if (error instanceof NonFiniteOutput)
      return { path: error.path, what: "its output is the first that is not finite" };
    throw error;
  }
  return { path: "", what: "every layer's output was finite when run again" };
}

/** The first parameter whose gradient is not finite, by name. */
export function findNonFiniteGradient(parameters: readonly { name: string; tensor: Tensor }[]): string {
  return scope(() => parameters.find(({ tensor }) => tensor.grad !== undefined && !allFinite(tensor.grad))?.name ?? "");
}
