import { expect, test } from "vitest";
import { verdict } from "../../src/inspect/verdict.js";
import { clippedAway, collapsed, culpritOf, frozen, movement } from "../../src/inspect/weights.js";
import type { RunEvent } from "../../src/runs/schema.js";
import { stepEvent } from "../runs/example.js";

/** Steps with updates: `ratios` of the encoder's two blocks and the rest, by step. */
function run(ratios: Readonly<Record<number, readonly [number, number, number]>>, learningRate = 1e-3): RunEvent[] {
  return Object.entries(ratios).flatMap(([at, [first, second, rest]]): RunEvent[] => [
    stepEvent(Number(at), { learningRate }),
    { type: "update", step: Number(at), ratios: { "blocks.0": first, "blocks.1": second, rest } },
  ]);
}

const derived = { learningRate: 1e-3, warmupSteps: 40, steps: 400 };
const usual = { derived, config: { optim: { weightDecay: 0.05 } } };

test("the largest update and where it was; steps with a rate of zero do not count", () => {
  const moved = movement([...run({ 1: [9, 9, 9] }, 0), ...run({ 2: [0.001, 0.004, 0.5], 4: [0.002, 0.003, 0.1] })]);
  expect(moved).toEqual({ largest: 0.004, at: 2, part: "blocks.1", isFrozen: false, isRestFrozen: false });
  expect(movement([stepEvent(1)])).toBeUndefined();
  expect(culpritOf(moved, usual, {})).toBeUndefined();
});

test("frozen: the encoder never moves while the rest does, in pre-training only", () => {
  const still = movement(run({ 2: [0, 0, 0.01], 4: [0, 0, 0.01], 8: [0, 0, 0.01] }));
  expect(frozen(still, true)).toMatchObject({ status: "frozen", suspect: "frozen-encoder" });
  expect(frozen(still, false)).toBeUndefined();
  expect(frozen(movement(run({ 2: [0, 0, 0.01], 4: [0, 0, 0.01] })), true)).toBeUndefined(); // too few to say
  expect(frozen(movement(run({ 2: [0, 0, 0.01], 4: [0, 0, 0.01], 8: [0, 0.001, 0.01] })), true)).toBeUndefined();
});

test("a decoder or heads that never move are named, in any run", () => {
  const still = movement(run({ 2: [0.01, 0.01, 0], 4: [0.01, 0.02, 0], 8: [0.01, 0.01, 0] }));
  expect(frozen(still, true)).toMatchObject({ status: "frozen", suspect: "frozen-rest" });
  const without = [2, 4, 8].map((step): RunEvent => ({ type: "update", step, ratios: { "blocks.0": 0.01 } }));
  expect(frozen(movement([...run({ 2: [0.01, 0.01, 0.1] }), ...without]), true)).toBeUndefined();
});

test("clipping to nothing is the cause where a run does not learn", () => {
  const clipped = { config: { optim: { clipNorm: 1e-6 } } };
  const steps = [1, 2, 3].map((step) => stepEvent(step, { gradNorm: 0.8 }));
  expect(clippedAway(clipped, steps, {})).toEqual({
    suspect: "clipping",
    cause:
      "Gradients are cut from 0.8 to 0.000001, which leaves next to nothing of them: leave optim.clipNorm out, or set it near 0.8.",
  });
  expect(clippedAway({ config: { optim: { clipNorm: 0.02 } } }, steps, {})).toBeUndefined();
  expect(clippedAway({ config: { optim: {} } }, steps, {})).toBeUndefined();
  const flat = Array.from({ length: 300 }, (_, i) => stepEvent(i + 1, { loss: 1.02, gradNorm: 0.8 }));
  expect(verdict(flat, { ...clipped, derived: { ...derived, baseline: 0.98 } })).toMatchObject({
    status: "predict-the-mean",
    suspect: "clipping",
  });
});

test("what moved the weights too far: the rate, a missing warm-up, weight decay", () => {
  const evidence: Record<string, number> = {};
  const far = movement(run({ 2: [0.01, 0.02, 0.1], 100: [0.05, 0.04, 0.1] }));
  expect(culpritOf(far, usual, evidence)).toMatchObject({
    suspect: "learning-rate",
    cause: expect.stringContaining("moved blocks.0 by 5 % of its size (step 100)") as unknown,
  });
  expect(evidence["largestUpdate"]).toBe(0.05);
  const early = movement(run({ 1: [0.05, 0.04, 0.1], 100: [0.01, 0.02, 0.1] }));
  const cold = { ...usual, derived: { ...derived, warmupSteps: 0 } };
  expect(culpritOf(early, cold, {})?.suspect).toBe("warm-up");
  expect(culpritOf(early, usual, {})?.suspect).toBe("learning-rate"); // it had one
  expect(culpritOf(far, cold, {})?.suspect).toBe("learning-rate"); // the harm came later
  expect(culpritOf(undefined, { derived, config: { optim: { weightDecay: 60 } } }, {})?.suspect).toBe("weight-decay");
});

test("collapse is judged once the warm-up is past, and blames what moved the weights", () => {
  const probe = (step: number, name: string, value: number): RunEvent => ({ type: "probe", step, name, value });
  const at = (step: number): RunEvent[] => [probe(step, "featureStd", 0.5), probe(step, "featureRank", 1.5)];
  expect(collapsed(at(139), { warmup: 40, culprit: undefined, canBeConstant: false }, {})).toBeUndefined();
  expect(collapsed(at(140), { warmup: 40, culprit: undefined, canBeConstant: false }, {})).toMatchObject({
    status: "collapsed",
  });
  const culprit = { suspect: "learning-rate", cause: "too high" } as const;
  expect(collapsed(at(140), { warmup: 40, culprit, canBeConstant: true }, {})).toMatchObject({
    suspect: "learning-rate",
    causes: ["too high", expect.stringContaining("constant answer")],
  });
});
