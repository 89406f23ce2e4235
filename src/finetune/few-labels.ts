/**
 * What the published recipes, made for a million labels and batches of a thousand, become with few: measured on photographs, drawings and
 * CIFAR-10 with 50 to 261 labels (records/2026-11-30-few-labels).
 */
import type { DefaultChoice } from "../models/sizes.js";
import type { FinetuneConfig } from "./config.js";

/** Twice as many as were measured; with more the published recipe stays as it is. */
export const fewLabels = 500;

/** Pictures in a batch below which the rate at the peak does not fall in proportion. */
const leastScaled = 256;

/**
 * Settings for a run that begins with a trained encoder, for those keys that nobody said. Of a linear probe, which has a recipe of its
 * own, of a run from scratch, and of more than `fewLabels` labels there is none.
 * @param labels pictures that are learned from @param config with its batch settled
 */
export function fewLabelChoices(
  labels: number,
  { from, trainBlocks, data: { batchSize }, optim }: Pick<FinetuneConfig, "from" | "trainBlocks" | "data" | "optim">,
): DefaultChoice[] {
  if (from === undefined || trainBlocks === 0 || labels > fewLabels) return [];
  const reason = `off: with at most ${fewLabels} labels crops and flips alone are better`;
  const off = (key: string): DefaultChoice => ({ key, value: 0, reason });
  const augmentation = [
    off("augmentation.randAugment.operations"),
    off("augmentation.erasing.probability"),
    off("augmentation.mixing.probability"),
  ];
  if (optim.name !== "adamw" || batchSize >= leastScaled) return augmentation;
  const rate = {
    key: "optim.baseLearningRate",
    value: (optim.baseLearningRate * leastScaled) / batchSize,
    reason: `${optim.baseLearningRate} at its peak: with few labels it does not fall with batches below ${leastScaled}`,
  };
  return [rate, ...augmentation];
}
