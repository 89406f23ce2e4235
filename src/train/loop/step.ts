import { scope } from "../../engine/scope.js";
import { clipGradientNorm, gradientNorm } from "../../optim/clip.js";
import type { NamedTensor, Optimizer } from "../../optim/optimizer.js";
import { findNonFiniteGradient, NonFiniteError } from "../finite.js";
import type { StepResult } from "./task.js";

export const nonFiniteRemedy =
  "Lower the learning rate, lengthen the warm-up, or set optim.clipNorm; the last checkpoint is good.";

export interface StepParts {
  readonly optimizer: Optimizer;
  readonly parameters: readonly NamedTensor[];
  readonly learningRate: number;
  /** Largest norm of the whole gradient; not shortened if absent. */
  readonly clipNorm?: number | undefined;
  readonly samples: readonly number[];
  /** Leaves the gradients in the parameters. @returns the loss and what it was made of */
  accumulate(): { total: number; parts: Record<string, number> };
  /** Called for a loss that is no number: which layer made it. */
  explain(): NonFiniteError;
  /** After the optimiser's step: moving averages, queues. */
  after?(): void;
}

/** Gradients, their norm, the optimiser's step. @throws NonFiniteError, nothing is updated then */
export function takeStep(step: StepParts): StepResult {
  return scope(() => {
    step.optimizer.zeroGrad();
    const loss = step.accumulate();
    if (!Number.isFinite(loss.total)) throw step.explain();
    const gradNorm = normOf(step);
    step.optimizer.step(step.learningRate);
    step.optimizer.zeroGrad();
    step.after?.();
    return { loss: loss.total, learningRate: step.learningRate, gradNorm, parts: loss.parts };
  });
}

function normOf({ parameters, clipNorm, samples }: StepParts): number {
  const norm = (clipNorm === undefined ? gradientNorm(parameters) : clipGradientNorm(parameters, clipNorm)).item();
  if (Number.isFinite(norm)) return norm;
  const name = findNonFiniteGradient(parameters);
  throw new NonFiniteError("the gradient is not finite although the loss is.", name, samples, nonFiniteRemedy);
}
