import { expect, test, vi } from "vitest";
import { KeyedRandom } from "../../src/data/random.js";
import { binding } from "../../src/engine/binding.js";
import { meterMemory } from "../../src/engine/meter.js";
import { liveTensors } from "../../src/engine/scope.js";
import { parseConfig, type RunConfigInput } from "../../src/train/config.js";
import type { Precision, TrainingBatch } from "../../src/train/loop/task.js";
import { Updates } from "../../src/train/watch/updates.js";
import { tinyRun, trainerOf, vitOf } from "./example.js";

function batch(size: number): TrainingBatch {
  const random = new KeyedRandom({ seed: 1, purpose: "pixels", epoch: 0, sample: 0 });
  const data = Uint8Array.from({ length: size * 16 * 16 * 3 }, () => 255 * random.uniform());
  return {
    epoch: 0,
    samples: Array.from({ length: size }, (_, i) => i),
    views: { image: { data, height: 16, width: 16, channels: 3 } },
  };
}

/** Losses, norms and a checksum of the weights after a few steps. */
function train(
  changes: Partial<RunConfigInput> = {},
  precision: Precision = "float32",
): { losses: number[]; norms: number[]; weights: number[] } {
  const config = parseConfig(
    tinyRun("nowhere", { optim: { name: "adamw", baseLearningRate: 0.05, warmupEpochs: 0 }, ...changes }),
  );
  const trainer = trainerOf(config, 24, precision);
  const results = Array.from({ length: 4 }, (_, index) => trainer.step(batch(8), index));
  const weights = vitOf(trainer).patchEmbed.proj.weight.toNumbers();
  trainer.close();
  return { losses: results.map(({ loss }) => loss), norms: results.map(({ gradNorm }) => gradNorm), weights };
}
const near = (a: number[], b: number[], tolerance: number): void => {
  for (const [i, value] of a.entries()) expect(Math.abs(value - (b[i] ?? Number.NaN))).toBeLessThan(tolerance);
};

const plain = train();

test("T19: micro-batches add up to the whole batch", () => {
  const parts = train({ optim: { name: "adamw", baseLearningRate: 0.05, warmupEpochs: 0, accumulate: 4 } });
  near(parts.losses, plain.losses, 1e-5);
  near(parts.norms, plain.norms, 1e-4);
});

test("held-out pictures in micro-batches, the last one smaller, give the loss of the whole", () => {
  const loss = (accumulate: number): number => {
    const optim = { name: "adamw", baseLearningRate: 0.05, accumulate } as const;
    const config = parseConfig(tinyRun("nowhere", { optim }));
    const trainer = trainerOf(config, 24);
    try {
      return trainer.evaluate(batch(7)).means.loss;
    } finally {
      trainer.close();
    }
  };
  expect(loss(4)).toBeCloseTo(loss(1), 5);
});

test("activation checkpointing changes no bit", () => {
  expect(train({ checkpointing: true })).toEqual(plain);
});

test("a checkpointed bfloat16 run equals the plain one too", () => {
  const wide = train({}, "bfloat16");
  expect(train({ checkpointing: true }, "bfloat16")).toEqual(wide);
  near(wide.losses, plain.losses, 0.05);
  expect(wide.losses).not.toEqual(plain.losses);
});

test("nothing is read before the last micro-batch has gone backward: on a GPU reading waits", () => {
  const optim = { name: "adamw", baseLearningRate: 0.05, warmupEpochs: 1, accumulate: 4 } as const;
  const config = parseConfig(tinyRun("nowhere", { optim }));
  const trainer = trainerOf(config, 24);
  const backward = vi.spyOn(binding(), "backward");
  const item = vi.spyOn(binding(), "item");
  try {
    trainer.step(batch(8), 1);
    expect(backward).toHaveBeenCalledTimes(4);
    expect(item).toHaveBeenCalledTimes(5); // four losses and the norm
    const last = Math.max(...backward.mock.invocationCallOrder);
    expect(Math.min(...item.mock.invocationCallOrder)).toBeGreaterThan(last);
  } finally {
    vi.restoreAllMocks();
    trainer.close();
  }
});

/** The most bytes of tensors that the second step of a deeper model makes at once. */
function peakOfStep(changes: Partial<RunConfigInput>, isWatched = false): number {
  const model = { name: "vit", width: 16, depth: 12, heads: 2, patchSize: 4 } as const;
  const config = parseConfig(tinyRun("nowhere", { model, ...changes }));
  const trainer = trainerOf(config, 24);
  try {
    trainer.step(batch(8), 0);
    const watched = isWatched ? new Updates(trainer, 4).watch(1) : undefined;
    const { peakBytes } = meterMemory(() => trainer.step(batch(8), 1, watched?.around));
    if (isWatched) expect(watched?.ratios["blocks.11"]).toBeGreaterThan(0);
    return peakBytes;
  } finally {
    trainer.close();
  }
}

test("checkpointing and micro-batches lower a step's peak, measuring the update does not raise it", () => {
  const whole = peakOfStep({});
  expect(peakOfStep({}, true)).toBe(whole);
  const checkpointed = peakOfStep({ checkpointing: true });
  expect(checkpointed).toBeLessThan(0.6 * whole);
  const optim = { name: "adamw", baseLearningRate: 0.05, warmupEpochs: 1, accumulate: 4 } as const;
  expect(peakOfStep({ optim })).toBeLessThan(0.6 * whole);
  expect(peakOfStep({ optim, checkpointing: true })).toBeLessThan(0.8 * checkpointed);
});

test("clipping bounds the step, not the reported norm", () => {
  const clipped = train({ optim: { name: "sgd", baseLearningRate: 1, momentum: 0, warmupEpochs: 0, clipNorm: 1e-6 } });
  expect(clipped.norms[0]).toBeCloseTo(plain.norms[0] ?? 0, 5);
  near(
    clipped.weights,
    train({ optim: { name: "sgd", baseLearningRate: 1e-12, momentum: 0, warmupEpochs: 0 } }).weights,
    1e-5,
  );
});

test("every optimiser of the list trains", () => {
  for (const name of ["adamw", "sgd", "lars"] as const) {
    const { losses } = train({ optim: { name, baseLearningRate: name === "adamw" ? 0.05 : 1, warmupEpochs: 0 } });
    expect(losses.every(Number.isFinite)).toBe(true);
    expect(losses[3]).not.toBe(losses[0]);
  }
});

test("the first step of a warm-up changes nothing: its rate is zero", () => {
  const config = parseConfig(tinyRun("nowhere"));
  const trainer = trainerOf(config, 24);
  const before = vitOf(trainer).patchEmbed.proj.weight.toNumbers();
  expect(trainer.step(batch(8), 0).learningRate).toBe(0);
  expect(vitOf(trainer).patchEmbed.proj.weight.toNumbers()).toEqual(before);
  expect(trainer.step(batch(8), 1).learningRate).toBeGreaterThan(0);
  expect(vitOf(trainer).patchEmbed.proj.weight.toNumbers()).not.toEqual(before);
  trainer.close();
});

test("held-out losses repeat and leave the model alone; steps leave no tensors", () => {
  const config = parseConfig(tinyRun("nowhere"));
  const trainer = trainerOf(config, 24);
  expect(trainer.evaluate(batch(4))).toEqual(trainer.evaluate(batch(4)));
  trainer.step(batch(8), 1);
  const live = liveTensors();
  trainer.step(batch(8), 2);
  expect(liveTensors()).toBe(live);
  trainer.close();
});
