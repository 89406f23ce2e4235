import { expect, test } from "vitest";
import { nearest } from "../../src/model/neighbours.js";

test("by direction, not by length; the open example is left out", () => {
  const examples = Float32Array.of(1, 0, 0, 5, 3, 3, -1, 0);
  const found = nearest(Float32Array.of(2, 0), examples, { count: 3, except: 0 });
  expect(found.map(({ example }) => example)).toEqual([2, 1, 3]);
  expect(found.map(({ similarity }) => similarity)).toEqual([expect.closeTo(Math.SQRT1_2, 6), 0, -1]);
});

test("features that are all zero are near to nothing", () => {
  expect(nearest(Float32Array.of(0, 0), Float32Array.of(1, 0), { count: 1 })).toEqual([{ example: 0, similarity: 0 }]);
});
