import { expect, test } from "vitest";
import { belowFrozen, belowUntrained } from "../../src/inspect/probes.js";
import { verdict } from "../../src/inspect/verdict.js";
import { packRight } from "../../src/runs/frozen.js";
import type { RunEvent } from "../../src/runs/schema.js";
import { stepEvent } from "../runs/example.js";

const run = { derived: { steps: 400, warmupSteps: 40, baseline: 0.98 }, config: { log: { probe: { queries: 1000 } } } };
const probe = (step: number, name: string, value: number): RunEvent => ({ type: "probe", step, name, value });
const steps = Array.from({ length: 400 }, (_, i) => stepEvent(i + 1, { loss: 0.5 + 0.5 * Math.exp(-i / 60) }));
const end: RunEvent = { type: "end", step: 400, reason: "finished", seconds: 1 };
const both = (knn: number, linear: number): RunEvent[] => [
  ...[probe(0, "knn", 0.3), probe(0, "linear", 0.4), probe(0, "featureRank", 24)],
  ...steps,
  ...[probe(400, "knn", knn), probe(400, "linear", linear), probe(400, "featureRank", 3), end],
];

test("features that classify worse than before training are a finding, whatever the loss does", () => {
  const result = verdict(both(0.2, 0.25), run);
  expect(result.status).toBe("below-untrained");
  expect(result.headline).toBe(
    "The features became worse than those of an untrained encoder: k-NN 20 %, before training 30 %; linear probe 25 %, before training 40 %; feature rank 3, before training 24.",
  );
  expect(result.evidence["knnGain"]).toBeCloseTo(-0.1, 10);
  const decayed = { ...run, config: { ...run.config, optim: { weightDecay: 30 } } };
  expect(verdict(both(0.2, 0.25), decayed)).toMatchObject({
    suspect: "weight-decay",
    causes: [expect.stringContaining("weight decay of 30") as unknown, expect.anything() as unknown, expect.anything()],
  });
});

test("what chance explains, and one probe that rose, are none", () => {
  expect(verdict(both(0.28, 0.38), run).status).toBe("normal");
  expect(verdict(both(0.2, 0.45), run).status).toBe("normal");
  const few = { ...run, config: { log: { probe: { queries: 50 } } } };
  expect(verdict(both(0.2, 0.25), few).status).toBe("normal");
  // Fewer pictures than were asked for: the event knows.
  const judged = both(0.2, 0.25).map((event) => (event.type === "probe" ? { ...event, pictures: 50 } : event));
  expect(verdict(judged, run).status).toBe("normal");
});

test("in the first half of a run nothing is said, for features may be worse before they are better", () => {
  const early = [probe(0, "knn", 0.4), probe(150, "knn", 0.2)];
  const setting = { ended: false, culprit: undefined };
  expect(belowUntrained(early, run, setting, {})).toBeUndefined();
  expect(belowUntrained([...early, probe(200, "knn", 0.2)], run, setting, {})?.status).toBe("below-untrained");
  expect(belowUntrained(early, run, { ...setting, ended: true }, {})?.status).toBe("below-untrained");
  const culprit = { suspect: "learning-rate", cause: "Too high." } as const;
  expect(belowUntrained(early, run, { ended: true, culprit }, {})).toMatchObject({ suspect: "learning-rate" });
  expect(belowUntrained([probe(200, "knn", 0.2)], run, setting, {})).toBeUndefined(); // nothing before training
});

const augmentation = { mixing: { probability: 1 }, erasing: { probability: 0.25 }, randAugment: { operations: 2 } };
const supervised = {
  derived: { steps: 200, warmupSteps: 10 },
  config: { task: "finetune", trainBlocks: "all", augmentation },
};
/** Of 100 pictures the first `count` are right. */
const first = (count: number): string => packRight(Array.from({ length: 100 }, (_, i) => i < count));
const frozen = (name: string, count: number): RunEvent => ({
  ...{ type: "probe", step: 0, name, value: count / 100, pictures: 100, meanPerClass: 0.3, right: first(count) },
});
const judged = (step: number, count: number): RunEvent => ({
  ...{
    type: "heldOut",
    step,
    epoch: step / 8,
    loss: 2,
    pictures: 100,
    scores: { top1: count / 100 },
    right: first(count),
  },
});
const tuned = (count: number, ...more: RunEvent[]): RunEvent[] => [
  ...[frozen("frozenKnn", 53), frozen("frozenLinear", 51)],
  ...Array.from({ length: 200 }, (_, i) => stepEvent(i + 1, { loss: 0.5 + 2 * Math.exp(-i / 60) })),
  ...[judged(200, count), ...more],
];

test("a classifier below its own frozen features: by how much on the same pictures, and what to do", () => {
  const result = verdict(tuned(43, { ...end, step: 200 }), supervised);
  expect(result.status).toBe("below-frozen");
  expect(result.headline).toBe(
    "The classifier is below its own frozen features: its top-1 is 43.0 % (33.7–52.8), 20-NN has 53.0 % (43.3–62.5), 10.0 points more (3.7 to 15.9); the exact linear probe has 51.0 % (41.3–60.6), 8.0 points more (2.3 to 13.4).",
  );
  expect(result.evidence).toMatchObject({
    frozenKnn: 0.53,
    frozenLinear: 0.51,
    overFrozenKnn: -0.1,
    overFrozenLinear: -0.08,
  });
  const advice = result.causes.join("\n");
  for (const said of ["lacuna evaluate linear", "--augmentation.mixing.probability=0", "--train-blocks 1", "200 steps"])
    expect(advice).toContain(said);
  const light = { mixing: { probability: 0 }, erasing: { probability: 0 }, randAugment: { operations: 0 } };
  const spared = { derived: { steps: 900 }, config: { ...supervised.config, trainBlocks: 1, augmentation: light } };
  expect(verdict(tuned(43, { ...end, step: 200 }), spared).causes.join("\n")).not.toMatch(/augmentation|blocks|few/);
});

test("what chance explains is said beside a normal verdict; above, or by a diverged run, nothing is", () => {
  const level = verdict(tuned(52, { ...end, step: 200 }), supervised);
  expect(level.status).toBe("normal");
  expect(level.headline).toMatch(
    /^The run looks normal: .* The classifier is not above its own frozen features: its top-1 is 52.0 % .*, 20-NN has 53.0 % .*, 1.0 points more, which may be chance \(−1.7 to 3.7\)\.$/,
  );
  expect(verdict(tuned(60, { ...end, step: 200 }), supervised)).toMatchObject({ status: "normal", causes: [] });
  const broken = [...tuned(43), stepEvent(201, { loss: Number.NaN })];
  expect(verdict(broken, supervised).status).toBe("diverged");
});

test("in the first half of a run a classifier may be below its frozen encoder", () => {
  const early = [frozen("frozenKnn", 53), judged(90, 20)];
  expect(belowFrozen(early, supervised, false, {})).toBeUndefined();
  expect(belowFrozen([...early, judged(100, 20)], supervised, false, {})?.isSure).toBe(true);
  expect(belowFrozen(early, supervised, true, {})?.isSure).toBe(true);
  expect(belowFrozen([frozen("frozenKnn", 53)], supervised, true, {})).toBeUndefined(); // nothing was judged
});
