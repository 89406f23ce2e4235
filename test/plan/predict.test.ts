import { expect, test } from "vitest";
import type { MachineRates } from "../../src/plan/machine.js";
import { rateAt, recordRun, runMemory, stepTime, whatWouldFit, withinMinutes } from "../../src/plan/predict.js";
import { parseConfig, type RunConfigInput } from "../../src/train/config.js";

const config = (over: Partial<RunConfigInput> = {}) =>
  parseConfig({
    model: { name: "vit", size: "tiny", patchSize: 16 },
    method: { name: "mae", decoder: { width: 96, depth: 2, heads: 3 } },
    data: { source: { kind: "cifar10", split: "train" }, imageSize: 224, batchSize: 64 },
    ...over,
  });

const rates: MachineRates = {
  products: [
    { width: 128, rate: 1e10 },
    { width: 512, rate: 4e10 },
  ],
  attention: [{ width: 65, rate: 1e10 }],
  elements: { gelu: 1e-9, softmax: 1e-9, norm: 1e-9, elementwise: 1e-10, rows: 1e-10 },
  overhead: 1e-5,
  optimizer: 1e-9,
  load: 0,
};

test("time goes with work: twice the pictures, twice the products; the optimiser stays; decoding adds on a CPU", () => {
  const small = config();
  const large = config({ data: { ...small.data, batchSize: 128 } });
  const [a, b] = [small, large].map((one) => stepTime(recordRun(one, "float32"), one, rates, 1000));
  expect((b?.products ?? 0) / (a?.products ?? 1)).toBeCloseTo(2, 1);
  expect([b?.optimizer, b?.overhead]).toEqual([a?.optimizer, a?.overhead]);
  expect([a?.decoding, b?.decoding]).toEqual([0.064, 0.128]);
  const run = recordRun(small, "float32");
  expect(a?.optimizer).toBeCloseTo(run.trainable * 1e-9, 12);
});

test("the steps that fit into some minutes, one at least", () => {
  const epochs = (minutes: number) => withinMinutes(config(), minutes, 0.5, 6400).epochs; // 100 steps an epoch
  expect(epochs(10)).toBeCloseTo(Math.floor((600 * 0.98) / 0.5) / 100, 9);
  expect(epochs(0.001)).toBe(0.01);
});

test("a rate between two widths lies between theirs; beyond them it is the nearest", () => {
  expect(rateAt(rates.products, 256)).toBeCloseTo(2e10, -4);
  expect([rateAt(rates.products, 1), rateAt(rates.products, 1e6)]).toEqual([1e10, 4e10]);
});

test("memory: parameters and AdamW's two copies of them, and less with micro-batches or checkpointing", () => {
  const memory = (over: Partial<RunConfigInput>) => {
    const one = config(over);
    return runMemory(recordRun(one, "float32"), one, "float32", 0);
  };
  const plain = memory({});
  const parts = memory({ optim: { name: "adamw", accumulate: 4 } });
  const again = memory({ checkpointing: true });
  const { size, trainable } = recordRun(config(), "float32");
  expect(plain.stateBytes).toBe(4 * (size + 2 * trainable));
  expect(plain.gradientBytes).toBe(4 * trainable);
  expect(parts.keptBytes / plain.keptBytes).toBeLessThan(0.4);
  expect(again.peakBytes).toBeLessThan(0.7 * plain.peakBytes);
});

test("what would fit: the fewest parts, then activations computed again, then nothing", () => {
  const one = config();
  const bytes = (accumulate: number, checkpointing = false) => {
    const changed = config({ checkpointing, optim: { name: "adamw", accumulate } });
    return runMemory(recordRun(changed, "float32"), changed, "float32", 0).totalBytes;
  };
  expect(whatWouldFit(one, "float32", 0, bytes(4))).toMatchObject({ accumulate: 4, checkpointing: false });
  expect(whatWouldFit(one, "float32", 0, bytes(64) - 1)).toMatchObject({ checkpointing: true });
  expect(whatWouldFit(one, "float32", 0, 1000)).toBeUndefined();
});

test("a teacher keeps nothing, has no gradient and costs a third; negatives are not cut into micro-batches", () => {
  const method = { name: "mocoV3" as const, projector: { hidden: 512 }, predictor: { hidden: 512 } };
  const moco = config({ method });
  const run = recordRun(moco, "float32");
  const alone = config({ method, data: { ...moco.data, batchSize: 32 } });
  expect(run.trainable).toBeLessThan(run.size / 2);
  const memory = runMemory(run, moco, "float32", 0);
  expect(memory.gradientBytes).toBe(4 * run.trainable);
  const teacher = { ...run, steps: run.steps.filter(({ module }) => module[1] === "teacher") };
  const student = { ...run, steps: run.steps.filter(({ module }) => module[1] === "encoder") };
  const [theirs, ours] = [teacher, student].map((part) => stepTime(part, moco, rates, undefined));
  expect((theirs?.products ?? 0) / (ours?.products ?? 1)).toBeCloseTo(1 / 3, 1);
  expect(runMemory(teacher, moco, "float32", 0).keptBytes).toBe(0);
  const again = config({ method, checkpointing: true });
  const less = runMemory(recordRun(again, "float32"), again, "float32", 0);
  expect(less.peakBytes).toBeLessThan(0.7 * memory.peakBytes);
  expect(less.keptBytes).toBeLessThan(0.3 * memory.keptBytes);
  const half = runMemory(recordRun(alone, "float32"), alone, "float32", 0).totalBytes;
  expect(whatWouldFit(moco, "float32", 0, half)).toMatchObject({ accumulate: 1, checkpointing: true });
  expect(whatWouldFit(moco, "float32", 0, 1000)).toBeUndefined();
});
