import { expect, test } from "vitest";
import { countJumps, isFalling, jumpSize, type Shape, shapeOf, warmupEnd } from "../../src/inspect/shape.js";
import { median } from "../../src/runs/summary.js";
import { stepEvent } from "../runs/example.js";

const losses = (count: number, loss: (i: number) => number): number[] =>
  Array.from({ length: count }, (_, i) => loss(i));

test("windows stand for their medians: a spike is none of them, and a straight fall has no noise", () => {
  const shape = shapeOf(losses(400, (i) => (i === 200 ? 99 : 2 - i / 400))) as Shape;
  expect(shape.levels).toHaveLength(40);
  expect(Math.max(...shape.levels)).toBeLessThan(2);
  expect(shape.noise).toBeLessThan(1e-3);
  expect(shape.best).toBe(shape.levels.at(-1));
  expect(isFalling(shape)).toBe(true);
  expect(isFalling(shapeOf(losses(400, () => 1)) as Shape)).toBe(false);
  expect(shapeOf([1, 2, 3])).toBeUndefined();
});

test("jumps are counted after the warm-up, where they come back", () => {
  const steps = losses(400, (i) => (Math.floor(i / 50) % 2 === 1 ? 2 : 1)).map((loss, i) => stepEvent(i + 1, { loss }));
  expect(countJumps(steps, 0)).toBe(3);
  expect(countJumps(steps, 200)).toBe(1);
  expect(jumpSize(shapeOf(losses(40, () => 1)) as Shape)).toBeCloseTo(0.15);
});

test("the warm-up's end as stated, else where the rate was highest", () => {
  const steps = [1, 2, 3].map((step) => stepEvent(step, { learningRate: step === 2 ? 1 : 0 }));
  expect([warmupEnd(steps, 7), warmupEnd(steps, undefined)]).toEqual([7, 2]);
  expect([median([3, 1, 2]), median([4, 1, 2, 3]), median([])]).toEqual([2, 2.5, 0]);
});
