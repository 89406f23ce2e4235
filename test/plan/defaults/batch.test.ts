import { expect, test } from "vitest";
import type { MethodDefaults } from "../../../src/methods/defaults.js";
import { chooseBatch } from "../../../src/plan/defaults/batch.js";
import { choosePlan } from "../../../src/plan/defaults/model.js";
import { planFacts, twoCores } from "./facts.js";

const batch = (method: Partial<MethodDefaults>, isCoupled: boolean, memoryBytes = 96e9, decided?: number) => {
  const machine = { ...twoCores, memoryBytes };
  const plan = choosePlan(planFacts(method, { machine, decided: { imageSize: 224 }, pictures: 10_000 }));
  return chooseBatch({ plan, machine, pictures: 10_000, decided, isCoupled });
};
const own = { choices: [{ key: "data.batchSize", value: 128, reason: "negatives" }] };

test("sixteen steps an epoch, or what the method asks for", () => {
  const whole = { accumulate: 1, checkpointing: false };
  expect(batch({}, false)).toEqual({ ...whole, size: 256, reason: "for 16 steps an epoch, but at least 8" });
  expect(batch(own, false)).toEqual({ ...whole, size: 128, reason: "negatives" });
  expect(batch(own, true, 96e9, 32)).toMatchObject({ ...whole, size: 32 });
});

test("what does not fit is cut into parts; where it must stay whole, computed again in backward, then made smaller", () => {
  const parts = batch({}, false, 1e9);
  expect(parts).toMatchObject({ size: 256, checkpointing: false, reason: "parts that fit in memory" });
  expect(parts.accumulate).toBeGreaterThan(8);
  const again = batch({}, true, 8e9);
  expect(again).toMatchObject({ size: 256, accumulate: 1, checkpointing: true });
  const smaller = batch({}, true, 1e9);
  expect(smaller).toMatchObject({ size: (8 * 256) / parts.accumulate, checkpointing: true });
  expect(smaller.reason).toBe("as many as fit in memory");
  expect(batch({ memory: 2 }, true, 1e9).size).toBe(smaller.size / 2);
  expect(batch({}, true, 1e9, 256)).toMatchObject({ size: 256, accumulate: 1, checkpointing: true }); // as somebody said
});
