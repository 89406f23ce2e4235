import { expect, test } from "vitest";
import { KeyedRandom } from "../../src/data/random.js";
import { liveTensors } from "../../src/engine/scope.js";
import { type FinetuneConfigInput, parseFinetune } from "../../src/finetune/config.js";
import type { TrainingBatch } from "../../src/train/loop/task.js";
import { supervisedTrainer, tinyFinetune } from "./example.js";

/** Random pictures; those of class c are brighter in channel c. */
function batch(size: number): TrainingBatch {
  const random = new KeyedRandom({ seed: 1, purpose: "pixels", epoch: 0, sample: 0 });
  const labels = Int32Array.from({ length: size }, (_, i) => i % 3);
  const data = Uint8Array.from({ length: size * 16 * 16 * 3 }, (_, i) => {
    const bright = i % 3 === labels[Math.floor(i / (16 * 16 * 3))];
    return 120 * random.uniform() + (bright ? 120 : 0);
  });
  return {
    epoch: 0,
    samples: Array.from({ length: size }, (_, i) => i),
    labels,
    views: { image: { data, height: 16, width: 16, channels: 3 } },
  };
}

const classes = ["red", "green", "blue"];
const plain = { randAugment: { operations: 0 }, erasing: { probability: 0 }, mixing: { probability: 0 }, smoothing: 0 };

function train(changes: Partial<FinetuneConfigInput>, steps = 3, size = 8) {
  const config = parseFinetune({ ...tinyFinetune("nowhere"), classes, ...changes });
  const task = supervisedTrainer(config, 24);
  const results = Array.from({ length: steps }, (_, index) => task.step(batch(size), index + 3));
  const evaluation = task.evaluate(batch(12));
  expect(task.evaluate(batch(12))).toEqual(evaluation); // it repeats
  const { means: measured, predictions } = evaluation;
  const right = predictions.filter((predicted, i) => predicted === batch(12).labels?.[i]).length;
  expect(measured["top1"]).toBeCloseTo(right / 12, 12);
  const live = liveTensors();
  task.step(batch(size), steps + 3);
  expect(liveTensors()).toBe(live);
  task.close();
  return { losses: results.map(({ loss }) => loss), norms: results.map(({ gradNorm }) => gradNorm), measured };
}

test("micro-batches add up to the whole batch: pairs, boxes, erased parts and dropped paths are those of the batch", () => {
  const whole = train({});
  const optim = { name: "adamw", baseLearningRate: 0.05, layerDecay: 0.75, warmupEpochs: 1, accumulate: 4 } as const;
  const parts = train({ optim });
  for (const [i, loss] of whole.losses.entries()) expect(parts.losses[i]).toBeCloseTo(loss, 4);
  for (const [i, norm] of whole.norms.entries()) expect(parts.norms[i]).toBeCloseTo(norm, 3);
});

test("activation checkpointing changes no bit", () => {
  expect(train({ checkpointing: true })).toEqual(train({}));
});

test("three colours are told apart; accuracies are those of the pictures", () => {
  const model = { name: "vit", width: 16, depth: 2, heads: 2, patchSize: 4, dropPath: 0 } as const;
  const optim = { name: "adamw", baseLearningRate: 0.3, warmupEpochs: 0 } as const;
  const { measured, losses } = train({ model, optim, augmentation: plain, epochs: 40 }, 60, 12);
  expect(losses[0]).toBeCloseTo(Math.log(3), 3);
  expect(losses.at(-1)).toBeLessThan(0.1);
  expect(measured).toMatchObject({ top1: 1, top5: 1 });
  expect(measured.loss).toBeLessThan(0.1);
});

test("a probe: LARS behind a batch norm learns the head alone", () => {
  const { losses, measured } = train(
    { trainBlocks: 0, epochs: 90, optim: { name: "lars", baseLearningRate: 30, warmupEpochs: 0 } },
    40,
    12,
  );
  expect(losses.at(-1)).toBeLessThan(losses[0] as number);
  expect(measured["top1"]).toBeGreaterThan(0.5);
});

test("averaged weights are judged, the plain ones beside them", () => {
  const { measured } = train({ average: 0.9 });
  expect(Object.keys(measured)).toEqual(["loss", "top1", "top5", "top1Plain"]);
});

test("the rate warms up from zero and ends at the minimum (T14: 2e-3 of 1024 pictures, five of a hundred epochs)", () => {
  const config = parseFinetune({
    ...tinyFinetune("nowhere"),
    classes,
    epochs: 100,
    data: { ...tinyFinetune("nowhere").data, batchSize: 1024 },
    optim: { name: "adamw", baseLearningRate: 5e-4, warmupEpochs: 5 },
  });
  const task = supervisedTrainer(config, 10 * 1024);
  expect(task.rates(0).learningRate).toBe(0);
  expect(task.rates(25).learningRate).toBeCloseTo(1e-3, 12);
  expect(task.rates(525).learningRate).toBeCloseTo(1.0005e-3, 12);
  expect(task.rates(1000).learningRate).toBeCloseTo(1e-6, 12);
  task.close();
});
