import { describe, expect, it, test } from "vitest";
import {
  absoluteLearningRate,
  checkSchedule,
  rampAt,
  rampBetween,
  rateAt,
  warmupCosine,
} from "../../src/optim/schedule.js";

describe("warmupCosine", () => {
  // Computed from the official formula (facebookresearch/mae, util/lr_sched.py).
  it.each([
    [0, 0],
    [1, 6e-5],
    [20, 1.2e-3],
    [40, 2.4e-3],
    [230, 2.0485281e-3],
    [420, 1.2e-3],
    [610, 3.5147186e-4],
    [799, 1.0252e-8],
    [800, 0],
  ])("gives MAE's pre-training rate at epoch %d", (epoch, rate) => {
    const actual = warmupCosine({ peak: 2.4e-3, warmup: 40, total: 800 }, epoch);
    expect(Math.abs(actual - rate)).toBeLessThanOrEqual(
      Math.max(1e-7 * 2.4e-3, 1e-4 * rate * (epoch === 799 ? 1 : 1e-3)),
    );
  });

  it.each([
    [2.5, 1e-3],
    [52.5, 1.0005e-3],
    [100, 1e-6],
    [130, 1e-6],
  ])("ends at the minimum and stays there (epoch %d)", (epoch, rate) => {
    expect(warmupCosine({ peak: 2e-3, warmup: 5, total: 100, minimum: 1e-6 }, epoch)).toBeCloseTo(rate, 12);
  });

  it.each([
    [5, 3.2],
    [50, 3.2],
  ])("gives the linear probe's rate at epoch %d", (epoch, rate) => {
    expect(warmupCosine({ peak: 6.4, warmup: 10, total: 90 }, epoch)).toBeCloseTo(rate, 12);
  });

  it("starts at the peak without a warm-up", () => {
    expect(warmupCosine({ peak: 1, warmup: 0, total: 10 }, 0)).toBe(1);
  });
});

describe("checkSchedule", () => {
  it("names the number that makes no sense", () => {
    const good = { peak: 1, warmup: 2, total: 10, minimum: 0 };
    expect(() => checkSchedule(good)).not.toThrow();
    expect(() => checkSchedule({ ...good, warmup: 11 })).toThrow(
      "in warmup: expected a length between 0 and the total 10, got 11.",
    );
    expect(() => checkSchedule({ ...good, total: 0 })).toThrow("in total: expected a positive length, got 0.");
    expect(() => checkSchedule({ ...good, minimum: 2 })).toThrow(
      "in minimum: expected a rate between 0 and the peak 1, got 2.",
    );
    expect(() => checkSchedule({ ...good, warmup: Number.NaN })).toThrow("in warmup");
  });
});

describe("absoluteLearningRate", () => {
  it("scales with the batch", () => {
    expect(absoluteLearningRate(1.5e-4, 4096)).toBeCloseTo(2.4e-3, 15);
    expect(absoluteLearningRate(0.1, 16384)).toBeCloseTo(6.4, 12);
  });
});

test("other shapes of a rate: a straight line, none, steps (MoCo: a tenth at 120 and at 160 of 200 epochs)", () => {
  const schedule = { peak: 0.03, warmup: 0, total: 200, minimum: 0.01 };
  const at = (shape: Parameters<typeof rateAt>[0], position: number): number => rateAt(shape, schedule, position);
  expect([0, 100, 200].map((position) => at({ name: "linear" }, position))).toEqual([
    0.03,
    expect.closeTo(0.02, 9),
    0.01,
  ]);
  expect(at({ name: "constant" }, 199)).toBe(0.03);
  const steps = { name: "steps" as const, at: [0.6, 0.8], factor: 0.1 };
  const rates = [0, 119, 120, 159, 160, 199].map((position) => at(steps, position));
  for (const [i, wanted] of [0.03, 0.03, 0.003, 0.003, 0.0003, 0.0003].entries())
    expect(rates[i]).toBeCloseTo(wanted, 10);
  expect(rateAt({ name: "constant" }, { ...schedule, warmup: 10 }, 5)).toBeCloseTo(0.015, 10);
});

test("a ramp: MoCo v3's momentum from 0.99 to 1 at the quarters of a run, and DINO's temperature over its first part", () => {
  const momentum = { from: 0.99, to: 1, shape: "cosine", over: 1 } as const;
  const values = [0, 0.25, 0.5, 0.75, 1].map((progress) => rampAt(momentum, progress));
  for (const [i, wanted] of [0.99, 0.99146447, 0.995, 0.99853553, 1].entries())
    expect(values[i]).toBeCloseTo(wanted, 8);
  const temperature = { from: 0.04, to: 0.07, shape: "linear", over: 0.3 } as const;
  expect(rampAt(temperature, 0.15)).toBeCloseTo(0.055, 10);
  expect(rampAt(temperature, 0.9)).toBe(0.07);
  expect(rampAt(0.5, 0.3)).toBe(0.5);
  expect(rampBetween(0, 1).parse({ from: 0.99, to: 1 })).toEqual(momentum);
  for (const wrong of [1.1, { from: 0.99, to: 1.1 }, { from: -1, to: 1 }])
    expect(rampBetween(0, 1).safeParse(wrong).error?.issues[0]?.message).toBe("expected numbers between 0 and 1");
});
