import { expect, test } from "vitest";
import { explain } from "../../../src/plan/defaults/explain.js";
import { choosePlan } from "../../../src/plan/defaults/model.js";
import { planFacts, survey, twoCores } from "./facts.js";

const explained = (decided: object, choices = [{ key: "method.strength", value: { a: 1 }, reason: "b" }]) =>
  explain({
    survey: survey(),
    machine: twoCores,
    decided,
    plan: choosePlan(planFacts({ patches: "all seen" })),
    epochs: 12,
    scheduleReason: undefined,
    batch: { size: 64, accumulate: 4, checkpointing: true, reason: "c" },
    holdOut: 0.1,
    hours: 3,
    normalisation: { mean: [0.5], std: [0.2], reason: "d" },
    choices: [...choices, { key: "optim.weightDecay", value: 0.1, shown: "a tenth", reason: "e" }],
  } as Parameters<typeof explain>[0]);

test("model, method, pictures, data, length, optimiser, precision: each with its value in words and a reason", () => {
  expect(explained({}).map(({ key, value, reason }) => [key, value, reason])).toEqual([
    ["model", "vit 192 × 12, 3 heads", "tiny: what 3000 pictures and 2 cores are good for"],
    ["method.strength", '{"a":1}', "b"],
    ["data.imageSize", expect.any(String), "shorter sides are 375 px in the middle; 2 cores can afford it"],
    ["model.patchSize", expect.any(String), expect.stringMatching(/^\d+ × \d+ = \d+ patches, all seen$/)],
    ["data.channels", "3", "the pictures have colours"],
    ["data.mean, data.std", "0.5, 0.2", "d"],
    ["data.heldOut", "10 %", "never trained on: shows overfitting"],
    ["data.batchSize", "64 in 4 parts", "c"],
    ["checkpointing", "true", "activations of such a batch do not fit: a third more time"],
    ["epochs", "12", "about 3 hours"],
    ["optim.weightDecay", "a tenth", "e"],
    ["precision", "bfloat16", "this CPU has bfloat16 in hardware"],
  ]);
});

test("what was decided is said to be", () => {
  const said = explained({
    epochs: 12,
    batchSize: 64,
    imageSize: 96,
    modelSettings: { size: "base", patchSize: 8 },
    channels: 3,
  });
  expect(explained({ minutes: 30 })).toContainEqual({
    key: "epochs",
    value: "about 12",
    reason: "30 min, as you said",
  });
  const keys = said.flatMap(({ key, reason }) => (reason === "as you said" ? [key] : []));
  expect(keys).toEqual(["model", "data.imageSize", "model.patchSize", "data.channels", "data.batchSize", "epochs"]);
});
