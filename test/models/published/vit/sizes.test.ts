import { describe, expect, test } from "vitest";
import type { PublishedTensor } from "../../../../src/models/published/tensors.js";
import { decoderShape, type VitShape, vitShape } from "../../../../src/models/published/vit/sizes.js";
import { micro, microDecoder, officialShapes, type PublishedShape } from "../formula.js";

function tensorsOf(shape: PublishedShape, change: (tensors: Map<string, readonly number[]>) => void = () => {}) {
  const shapes = officialShapes(shape);
  change(shapes);
  const read = () => expect.fail("sizes need no data");
  return new Map(
    [...shapes].map(([name, sides]): [string, PublishedTensor] => [name, { dtype: "F32", shape: sides, read }]),
  );
}
const vit = (width: number, depth: number, heads: number, patch: number): VitShape => ({
  ...micro,
  width,
  depth,
  heads,
  patchSize: [patch, patch],
  grid: [224 / patch, 224 / patch],
});
const published = new Map([
  [192, 3],
  [384, 6],
  [768, 12],
  [1024, 16],
  [1280, 16],
]);

test.each([
  ["Ti/16", vit(192, 12, 3, 16)],
  ["S/16", vit(384, 12, 6, 16)],
  ["B/16", vit(768, 12, 12, 16)],
  ["L/16", vit(1024, 24, 16, 16)],
  ["H/14", vit(1280, 32, 16, 14)],
])("%s: sizes are found again, and nothing is assumed", (_, shape) => {
  const assumed: string[] = [];
  expect(vitShape(tensorsOf(shape), "x.pth", {}, published, assumed)).toEqual(shape);
  expect(assumed).toEqual([]);
});

test("what shapes do not show is assumed and said, or told", () => {
  const tensors = tensorsOf({ ...micro, decoder: microDecoder });
  const assumed: string[] = [];
  expect(vitShape(tensors, "x.pth", {}, published, assumed).heads).toBe(1);
  expect(decoderShape(tensors, "x.pth", undefined, assumed).heads).toBe(1);
  expect(assumed).toEqual([
    "encoder heads 1 (64 wide each; --heads says otherwise)",
    "decoder heads 1 (32 wide each; --decoder-heads says otherwise)",
  ]);
  expect(vitShape(tensors, "x.pth", { heads: 2 }, published, assumed)).toEqual(micro);
  expect(decoderShape(tensors, "x.pth", 2, assumed)).toEqual(microDecoder);
  expect(assumed).toHaveLength(2);
});

test("pictures that are not square need their size", () => {
  const tensors = tensorsOf({ ...micro, grid: [3, 5] });
  const of = (imageSize?: [number, number]) => vitShape(tensors, "x.pth", { heads: 2, imageSize }, published, []);
  expect(() => of()).toThrow(/15 places besides the class token's, which is no square.*--image-size/);
  expect(of([12, 20])).toEqual({ ...micro, grid: [3, 5] });
  expect(() => of([20, 20])).toThrow(/need 25/);
});

describe("what is refused", () => {
  test.each<[string, (tensors: Map<string, readonly number[]>) => void, RegExp]>([
    ["no class token", (t) => t.delete("cls_token"), /cls_token is missing: the file is not whole/],
    ["a wrong rank", (t) => t.set("pos_embed", [17, 16]), /pos_embed has shape \[17 16\], expected 3 sides/],
    ["no sides", (t) => t.set("cls_token", [1, 1, 0]), /cls_token has shape/],
  ])("%s", (_, change, message) => {
    expect(() => vitShape(tensorsOf(micro, change), "x.pth", { heads: 2 }, published, [])).toThrow(message);
  });

  test("heads that do not divide the width", () => {
    expect(() => vitShape(tensorsOf(micro), "x.pth", { heads: 3 }, published, [])).toThrow(
      /a width of 16 does not divide into 3 heads.*--heads/,
    );
  });
});
