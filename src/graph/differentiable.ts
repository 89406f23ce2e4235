import type { OpName } from "../engine/dispatch.js";
import type { RecordedStep } from "../engine/record.js";
import { operations } from "./operations.js";

/**
 * Which steps of a recording backward goes through: those that a trainable tensor leads to. A teacher's are not among them, nor is
 * a frozen layer next to the pictures, nor what is computed without gradients.
 */
export function differentiableSteps(steps: readonly RecordedStep[], trainable: Iterable<number>): boolean[] {
  const reached = new Set(trainable);
  return steps.map(({ op, inputs, outputs, isWithoutGradient = false }) => {
    const isPassing = operations[op as OpName].isConstant !== true && !isWithoutGradient;
    const isReached = isPassing && inputs.some(({ id }) => reached.has(id));
    if (isReached) for (const { id } of outputs) reached.add(id);
    return isReached;
  });
}
