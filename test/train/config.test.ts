import { expect, test } from "vitest";
import { derive, parseConfig, type RunConfigInput, runConfig, withEpochs } from "../../src/train/config.js";
import { tinyRun } from "./example.js";

const failing = (config: unknown): { message: string; code: string; path: string } => {
  try {
    parseConfig(config);
  } catch (error) {
    return error as { message: string; code: string; path: string };
  }
  throw new Error("the configuration was accepted");
};
const run = (changes: object): unknown => ({ ...tinyRun("photos"), ...changes });

test("defaults are the paper's", () => {
  const config = parseConfig({ data: { source: { kind: "folder", path: "photos" } } });
  expect(config.method).toMatchObject({
    name: "mae",
    maskRatio: 0.75,
    normalizeTargets: true,
    augmentation: "randomCrop",
  });
  expect(config.optim).toMatchObject({
    name: "adamw",
    baseLearningRate: 1.5e-4,
    betas: [0.9, 0.95],
    weightDecay: 0.05,
    accumulate: 1,
  });
  expect(config.data).toMatchObject({ imageSize: 224, mean: [0.485, 0.456, 0.406] });
  expect(JSON.parse(JSON.stringify(config))).toEqual(config); // it can be written down
});

test("texts of errors: where, what came, what to do", () => {
  expect(failing(run({ method: { name: "mae", maskRatio: 75 } })).message).toMatch(
    /in method\.maskRatio: .*got 75\. Did you mean 0\.75\?/,
  );
  expect(failing(run({ method: { name: "mae", mask_ratio: 0.5 } }))).toMatchObject({
    code: "unknown-key",
    path: "method",
  });
  expect(failing(run({ method: { name: "mae", mask_ratio: 0.5 } })).message).toContain("mask_ratio");
  expect(
    failing(run({ data: { ...tinyRun("photos").data, batchSize: 10 }, optim: { name: "adamw", accumulate: 4 } }))
      .message,
  ).toContain("a batch of 10 does not divide into 4 micro-batches");
  expect(failing(run({ data: { ...tinyRun("photos").data, channels: 1 } })).message).toContain(
    "in data.mean: expected a value for each of 1 channels, got 3.",
  );
  expect(failing({}).path).toBe("data");
});

test("derived numbers: steps, warm-up, the absolute rate", () => {
  const config = parseConfig(
    run({
      epochs: 3,
      data: { ...tinyRun("photos").data, batchSize: 256 },
      optim: { name: "adamw", baseLearningRate: 6e-4 },
    }),
  );
  expect(derive(config, 50_000)).toEqual({
    stepsPerEpoch: 195,
    steps: 585,
    warmupSteps: 59,
    effectiveBatch: 256,
    microBatch: 256,
    learningRate: 6e-4,
  });
  const paper = parseConfig(
    run({
      epochs: 800,
      data: { ...tinyRun("photos").data, batchSize: 4096 },
      optim: { name: "adamw", warmupEpochs: 40, accumulate: 8 },
    }),
  );
  expect(derive(paper, 1_281_167)).toMatchObject({ learningRate: 2.4e-3, microBatch: 512, warmupSteps: 40 * 312 });
  expect(() => derive(config, 100)).toThrow(
    "a batch takes 256 pictures, the source has 100. Set --data.batchSize=64 or add pictures.",
  );
});

test("another length keeps the share of a warm-up that was named", () => {
  const optim = { warmupEpochs: 40, name: "adamw" };
  expect(withEpochs({ epochs: 800, optim }, 20)).toEqual({ epochs: 20, optim: { ...optim, warmupEpochs: 1 } });
  expect(withEpochs({ epochs: 800, optim: { warmupEpochs: undefined } }, 20).optim).toEqual({
    warmupEpochs: undefined,
  });
});

test("every key of the schema is described or speaks for itself, and the schema becomes JSON Schema", () => {
  const input: RunConfigInput = tinyRun("photos");
  expect(runConfig.safeParse(input).success).toBe(true);
});
