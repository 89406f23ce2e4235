import { expect, test } from "vitest";
import { recipeFor } from "../../src/finetune/recipe.js";

/** The numbers of FINETUNE.md and of tables 10 and 11, written down once more. */
test.each([
  ["base", 5e-4, 0.65, 0.1, 100],
  ["large", 1e-3, 0.75, 0.2, 50],
  ["huge", 1e-3, 0.75, 0.3, 50],
  ["small", 1e-3, 0.75, 0.1, 100], // the paper's table 9
] as const)("fine-tuning %s", (size, baseLearningRate, layerDecay, dropPath, epochs) => {
  expect(recipeFor({ from: "runs/x", model: { size } })).toMatchObject({
    epochs,
    pool: "mean",
    model: { dropPath },
    data: { batchSize: 1024 },
    optim: {
      name: "adamw",
      baseLearningRate,
      layerDecay,
      betas: [0.9, 0.999],
      weightDecay: 0.05,
      warmupEpochs: 5,
      minimumLearningRate: 1e-6,
    },
  });
});

test("the width decides where no size is named", () => {
  expect(recipeFor({ from: "x", model: { width: 1024 } }).optim).toMatchObject({ layerDecay: 0.75 });
  expect(recipeFor({ from: "x", model: { width: 800 } }).optim).toMatchObject({ layerDecay: 0.65 });
  expect(recipeFor({ from: "x", model: { width: 192 } }).optim).toMatchObject({ baseLearningRate: 1e-3 });
});

test("probing: LARS, class token, ninety epochs, crops and flips alone", () => {
  expect(recipeFor({ from: "x", trainBlocks: 0 })).toMatchObject({
    epochs: 90,
    pool: "class",
    model: { dropPath: 0 },
    data: { batchSize: 16384 },
    augmentation: {
      randAugment: { operations: 0 },
      erasing: { probability: 0 },
      mixing: { probability: 0 },
      smoothing: 0,
    },
    optim: {
      name: "lars",
      baseLearningRate: 0.1,
      momentum: 0.9,
      weightDecay: 0,
      warmupEpochs: 10,
      minimumLearningRate: 0,
    },
  });
});

test("from scratch: table 11", () => {
  expect(recipeFor({ model: { size: "large" } })).toMatchObject({
    epochs: 200,
    model: { dropPath: 0.2 },
    data: { batchSize: 4096 },
    optim: { baseLearningRate: 1e-4, weightDecay: 0.3, betas: [0.9, 0.95], warmupEpochs: 20 },
    average: 0.9999,
  });
});
