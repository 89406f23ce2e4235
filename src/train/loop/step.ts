import { scope } from "../../engine/scope.js";
import type { Loss } from "../../methods/method.js";
import { clipGradientNorm, gradientNorm } from "../../optim/clip.js";
import type { NamedTensor, Optimizer, Rates } from "../../optim/optimizer.js";
import type { Tensor } from "../../tensor/tensor.js";
import { findNonFiniteGradient, NonFiniteError } from "../finite.js";
import type { StepResult, UpdateWrapper } from "./task.js";

export const nonFiniteRemedy = "Lower the learning rate, lengthen the warm-up, or set optim.clipNorm.";

export interface StepParts {
  readonly optimizer: Optimizer;
  readonly parameters: readonly NamedTensor[];
  readonly rates: Rates;
  /** Largest norm of the whole gradient; not shortened if absent. */
  readonly clipNorm?: number | undefined;
  readonly samples: readonly number[];
  /** Leaves the gradients in the parameters. @returns a loss for each micro-batch; nothing has been read of them */
  accumulate(): readonly LossShare[];
  /** Goes around the optimiser's change of the weights: what measures it. */
  readonly around?: UpdateWrapper | undefined;
  /** Between backward and the update: gradients may be looked at and changed. @returns scalars for the log */
  before?(): Readonly<Record<string, Tensor>>;
  /** Called for a loss of NaN or infinity: finds the layer that made it. */
  explain(): NonFiniteError;
  /** After the optimiser's step: moving averages, queues. */
  after?(): void;
}

/** The loss of a micro-batch, and which part of the batch that was. */
export interface LossShare {
  readonly loss: Loss;
  readonly share: number;
}

/** A loss without its history, to be read when the whole step has been asked for: on a GPU, reading waits. */
export function unread({ total, parts = {} }: Loss): Loss {
  const entries = Object.entries(parts).map(([name, part]) => [name, part.detach()] as const);
  return { total: total.detach(), parts: Object.fromEntries(entries) };
}

/** The whole batch's loss and what it was made of. */
function read(losses: readonly LossShare[]): { total: number; parts: Record<string, number> } {
  const parts: Record<string, number> = {};
  let total = 0;
  for (const { loss, share } of losses) {
    total += loss.total.item() * share;
    for (const [name, part] of Object.entries(loss.parts ?? {})) parts[name] = (parts[name] ?? 0) + part.item() * share;
  }
  return { total, parts };
}

/**
 * Gradients, their norm, the optimiser's step. Losses and norm are read once all of that but the update has been asked for, so a
 * GPU is waited for once a step. @throws NonFiniteError, nothing is updated then
 */
export function takeStep(step: StepParts): StepResult {
  return scope(() => {
    step.optimizer.zeroGrad();
    const losses = step.accumulate();
    const looked = step.before?.() ?? {};
    const { parameters, clipNorm } = step;
    const norm = clipNorm === undefined ? gradientNorm(parameters) : clipGradientNorm(parameters, clipNorm);
    const loss = read(losses);
    if (!Number.isFinite(loss.total)) throw step.explain();
    const gradNorm = finiteNorm(norm, step);
    const update = (): void => step.optimizer.step(step.rates);
    if (step.around === undefined) update();
    else step.around(update);
    step.optimizer.zeroGrad();
    step.after?.();
    const seen = Object.entries(looked).map(([name, value]) => [name, value.item()] as const);
    const parts = { ...loss.parts, ...Object.fromEntries(seen) };
    return { loss: loss.total, learningRate: step.rates.learningRate, gradNorm, parts };
  });
}

function finiteNorm(norm: Tensor, { parameters, samples }: StepParts): number {
  const value = norm.item();
  if (Number.isFinite(value)) return value;
  const name = findNonFiniteGradient(parameters);
  throw new NonFiniteError("the gradient is not finite although the loss is.", name, samples, nonFiniteRemedy);
}
