import { expect, test } from "vitest";
import { CheckpointError } from "../../../src/engine/errors.js";
import { scope } from "../../../src/engine/scope.js";
import {
  asStateDict,
  type PublishedTensor,
  part,
  permuted,
  reshaped,
  sides,
  stacked,
} from "../../../src/models/published/tensors.js";
import { tensor } from "../../../src/tensor/tensor.js";

function numbered(...shape: number[]): PublishedTensor {
  const count = shape.reduce((a, b) => a * b, 1);
  const data = new Uint8Array(Float32Array.from({ length: count }, (_, i) => i).buffer);
  return { dtype: "F32", shape, read: () => ({ dtype: "F32", shape, data }) };
}
const values = (of: PublishedTensor): number[] => [...new Float32Array(Uint8Array.from(of.read().data).buffer)];

test.each([
  [
    [2, 3, 4],
    [2, 0, 1],
  ],
  [
    [4, 1, 3, 2],
    [3, 2, 0, 1],
  ],
  [
    [3, 5],
    [1, 0],
  ],
])("%j with its axes as %j is what libtorch makes of it", (shape, order) => {
  const moved = permuted(numbered(...shape), order);
  const theirs = scope(() => {
    const made = tensor(
      Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i),
      shape,
    );
    const permutedThere = made.permute(order);
    return { shape: [...permutedThere.shape], values: permutedThere.flatten().toNumbers() };
  });
  expect({ shape: moved.shape, values: values(moved) }).toEqual(theirs);
});

test("thirds of the rows, and the three as one again", () => {
  const whole = numbered(6, 2);
  const thirds = [0, 1, 2].map((place) => part(whole, place, 3));
  expect(thirds.map(values)).toEqual([
    [0, 1, 2, 3],
    [4, 5, 6, 7],
    [8, 9, 10, 11],
  ]);
  expect(stacked(thirds, "qkv", "x")).toMatchObject({ shape: [6, 2] });
  expect(values(stacked(thirds, "qkv", "x"))).toEqual(values(whole));
  expect(() => stacked([numbered(2, 2), numbered(2, 3)], "qkv", "x")).toThrow(/parts of qkv differ in type or shape/);
});

test("other sides for the same numbers, and not for others", () => {
  expect(reshaped(numbered(2, 6), [1, 3, 4])).toMatchObject({ shape: [1, 3, 4] });
  expect(() => reshaped(numbered(2, 6), [5])).toThrow(CheckpointError);
});

test("what sizes are read from must be there, and of its rank", () => {
  const tensors = new Map([["a", numbered(2, 3)]]);
  expect(sides(tensors, "x", "a", 2)).toEqual([2, 3]);
  expect(() => sides(tensors, "x", "b", 2)).toThrow(/b is missing/);
  expect(() => sides(tensors, "x", "a", 4)).toThrow(/a has shape \[2 3\], expected 4 sides/);
});

test("a module's own parameters stand before its parts', as in a state dict", () => {
  const names = asStateDict([
    ["b.weight", 1],
    ["token", 2],
    ["a.weight", 3],
  ] as const).map(([name]) => name);
  expect(names).toEqual(["token", "b.weight", "a.weight"]);
});
