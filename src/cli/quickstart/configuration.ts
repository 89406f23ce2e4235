/** What quickstart trains: the configuration of the reference curves, for as many steps as the time allows. */
import type { RunConfigInput } from "../../index.js";

/** CIFAR-10's 50,000 pictures in batches of 256, the last 80 of each shuffle dropped. */
export const stepsPerEpoch = 195;
const warmupShare = 58 / 585; // test/reference/README.md: 58 of 585 steps
const mostEpochs = 3;
/** Of the minutes: previews, checkpoints and a machine that is busier later need some. */
const usableShare = 0.93;

/** The configuration of test/reference/cifar10-mae-curve.json; recipes/mae-cifar10-reference.ts is the same for three epochs. */
export function quickstartConfig(epochs: number): RunConfigInput {
  return {
    seed: 0,
    epochs,
    model: { name: "vit", width: 192, depth: 6, heads: 3, patchSize: 4 },
    method: { name: "mae", augmentation: "fixedCrop", decoder: { width: 96, depth: 2, heads: 3 } },
    data: {
      source: { kind: "cifar10", split: "train" },
      heldOut: { kind: "cifar10", split: "test" },
      imageSize: 32,
      batchSize: 256,
      mean: [0.4914, 0.4822, 0.4465],
      std: [0.247, 0.2435, 0.2616],
    },
    optim: { name: "adamw", baseLearningRate: 6e-4, warmupEpochs: epochs * warmupShare },
    log: { previewSeconds: 15 },
  };
}

/** Epochs, by whole steps, that fit into the minutes at this speed: at most the reference's three, at least five steps. */
export function epochsWithin(minutes: number, secondsPerStep: number): number {
  const steps = Math.floor((minutes * 60 * usableShare) / secondsPerStep);
  return Math.min(mostEpochs * stepsPerEpoch, Math.max(5, steps)) / stepsPerEpoch;
}
