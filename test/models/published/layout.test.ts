import { expect, test } from "vitest";
import { CheckpointError } from "../../../src/engine/errors.js";
import type { TensorFile } from "../../../src/models/published/files.js";
import { imageOf, lost, lostParts, unknownName, viewOf } from "../../../src/models/published/layout.js";

const file = {
  path: "x",
  json: () => ({ image_size: 96 }),
  options: new Map(),
  besides: ["y"],
  names: ["a"],
} as unknown as TensorFile;

test("the size of the pictures is asked for, told or assumed, and then it is said", () => {
  expect(imageOf(file, { imageSize: [32, 48] })).toEqual({ imageSize: [32, 48], assumed: [] });
  expect(imageOf(file, {})).toEqual({ imageSize: [96, 96], assumed: [] });
  expect(imageOf({ ...file, json: () => undefined }, {}).assumed).toEqual([
    "pictures of 224 × 224 (--image-size says otherwise)",
  ]);
});

test("a view has its own names, and what is left out is counted", () => {
  const tensor = { dtype: "F32", shape: [1], read: () => expect.fail("not read") } as const;
  const view = viewOf(file, new Map([["b", tensor]]));
  expect([view.names, view.entry("b").shape, view.besides]).toEqual([["b"], [1], []]);
  expect(() => view.entry("a")).toThrow(CheckpointError);
  expect(lost("decoder", 0, "none")).toEqual([]);
  const rest = new Map([["c", tensor]]);
  expect(lostParts({ method: { name: "m" }, rest }, "a ViT")).toEqual([
    "parts of m, 1 tensors: a ViT by itself has none",
  ]);
  expect(unknownName("x", "d", "this ViT", "a gate").message).toMatch(
    /d is not known: a gate, which this ViT does not have/,
  );
});
