import { expect, test } from "vitest";
import { defineFinetune, laidOver, parseFinetune } from "../../src/finetune/config.js";

const source = { kind: "cifar10", split: "train" } as const;

test("what nobody says is the recipe; what is said lies over it, key by key", () => {
  const config = parseFinetune(
    defineFinetune({
      from: "runs/mae",
      model: { name: "vit", size: "base" },
      data: { source },
      optim: { name: "adamw", weightDecay: 0.1 },
    }),
  );
  expect(config).toMatchObject({
    task: "finetune",
    epochs: 100,
    trainBlocks: "all",
    model: { size: "base", dropPath: 0.1 },
    data: { batchSize: 1024 },
    augmentation: {
      crop: { name: "random", scale: [0.08, 1] },
      randAugment: { operations: 2, magnitude: 9 },
      mixing: { mixup: 0.8, cutmix: 1 },
      erasing: { probability: 0.25 },
      smoothing: 0.1,
    },
    optim: { baseLearningRate: 5e-4, weightDecay: 0.1, layerDecay: 0.65, betas: [0.9, 0.999] },
  });
  expect(config.average).toBeUndefined();
});

test("another optimiser takes the recipe's schedule and nothing else of it; short runs warm up for a fifth", () => {
  const { optim } = parseFinetune({ from: "x", epochs: 10, data: { source }, optim: { name: "sgd" } });
  expect(optim).toMatchObject({
    name: "sgd",
    weightDecay: 0,
    momentum: 0.9,
    warmupEpochs: 2,
    minimumLearningRate: 1e-6,
  });
});

test("a probe's mixing is off, so that its batch may be odd; fine-tuning's may not", () => {
  expect(parseFinetune({ from: "x", trainBlocks: 0, data: { source, batchSize: 15 } }).data.batchSize).toBe(15);
  expect(() => parseFinetune({ from: "x", data: { source, batchSize: 15 } })).toThrow("15 is odd");
});

test("misspelt keys and impossible numbers of blocks are refused", () => {
  expect(() => parseFinetune({ data: { source }, augmentations: {} })).toThrow("augmentations");
  expect(() => parseFinetune({ data: { source }, trainBlocks: 0.7 })).toThrow(/trainBlocks/);
  expect(() => parseFinetune(7)).toThrow();
});

test("alternatives with another name are taken as a whole", () => {
  const below = { crop: { name: "random", scale: [0.08, 1] }, flip: 0.5 };
  expect(laidOver(below, { crop: { name: "shifted" } })).toEqual({ crop: { name: "shifted" }, flip: 0.5 });
  expect(laidOver(below, { crop: { scale: [0.5, 1] } })).toEqual({
    crop: { name: "random", scale: [0.5, 1] },
    flip: 0.5,
  });
  expect(laidOver(below, { flip: undefined })).toEqual(below);
});
