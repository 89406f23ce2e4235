import { describe, expect, test } from "vitest";
import { expectedTensors, inferShape, type PublishedShape } from "../../../src/models/published/shape.js";
import { micro, microDecoder } from "./formula.js";

function source(shape: PublishedShape, change: (tensors: Map<string, readonly number[]>) => void = () => {}) {
  const tensors = expectedTensors(shape);
  change(tensors);
  const entry = (name: string) => ({ shape: tensors.get(name) ?? [] });
  return { path: "x.pth", names: [...tensors.keys()], entry, read: () => expect.fail("sizes need no data") };
}
const vit = (width: number, depth: number, heads: number, patch: number): PublishedShape => ({
  ...micro,
  width,
  depth,
  heads,
  patchSize: [patch, patch],
  grid: [224 / patch, 224 / patch],
});

test.each([
  ["Ti/16", vit(192, 12, 3, 16), 5_524_416, 152 - 2],
  ["S/16", vit(384, 12, 6, 16), 21_665_664, 150],
  ["B/16", vit(768, 12, 12, 16), 85_798_656, 150],
  ["L/16", vit(1024, 24, 16, 16), 303_301_632, 294],
  ["H/14", vit(1280, 32, 16, 14), 630_764_800, 390],
])("%s: sizes are found again, parameters are the paper's (ViT, table 1)", (_, shape, parameters, tensors) => {
  expect(inferShape(source(shape), {})).toEqual({ shape, assumed: [], headsAreTold: false });
  const sides = [...expectedTensors(shape).values()];
  expect(sides.reduce((sum, one) => sum + one.reduce((a, b) => a * b, 1), 0)).toBe(parameters);
  expect(sides.length).toBe(tensors);
});

test("MAE-B/16 with its decoder has 254 tensors and 111,907,840 numbers", () => {
  const shape = { ...vit(768, 12, 12, 16), decoder: { width: 512, depth: 8, heads: 16, mlpRatio: 4 } };
  const sides = [...expectedTensors(shape).values()];
  expect([sides.length, sides.reduce((sum, one) => sum + one.reduce((a, b) => a * b, 1), 0)]).toEqual([
    254, 111_907_840,
  ]);
  expect(inferShape(source(shape), {}).shape).toEqual(shape);
});

test("what shapes do not show is assumed and said, or told", () => {
  const shape = { ...micro, decoder: microDecoder };
  const { shape: found, assumed } = inferShape(source(shape), {});
  expect([found.heads, found.decoder?.heads]).toEqual([1, 1]);
  expect(assumed).toEqual([
    "encoder heads 1 (64 wide each; --heads says otherwise)",
    "decoder heads 1 (32 wide each; --decoder-heads says otherwise)",
  ]);
  expect(inferShape(source(shape), { heads: 2, decoderHeads: 2 })).toEqual({ shape, assumed: [], headsAreTold: true });
});

test("pictures that are not square need their size", () => {
  const shape: PublishedShape = { ...micro, grid: [3, 5] };
  expect(() => inferShape(source(shape), { heads: 2 })).toThrow(
    /15 places besides the class token's, which is no square.*--image-size/,
  );
  expect(inferShape(source(shape), { heads: 2, imageSize: [12, 20] }).shape).toEqual(shape);
  expect(() => inferShape(source(shape), { heads: 2, imageSize: [20, 20] })).toThrow(/need 25/);
});

describe("what is refused", () => {
  const told = { heads: 2, decoderHeads: 2 };
  const full: PublishedShape = { ...micro, decoder: microDecoder, head: { classes: 3, pooling: "mean" } };
  test.each<[string, (tensors: Map<string, readonly number[]>) => void, RegExp]>([
    ["no class token", (t) => t.delete("cls_token"), /cls_token is missing: the file holds no ViT/],
    ["a block with a hole", (t) => t.delete("blocks.1.norm2.bias"), /1 tensors are missing \(blocks\.1\.norm2\.bias\)/],
    ["a decoder in part", (t) => t.delete("decoder_pred.bias"), /decoder_pred\.bias/],
    [
      "a wrong side",
      (t) => t.set("blocks.0.attn.qkv.weight", [40, 16]),
      /has shape \[40 16\], the others ask for \[48 16\]/,
    ],
    ["a wrong rank", (t) => t.set("pos_embed", [17, 16]), /pos_embed has shape \[17 16\], expected 3 sides/],
    ["no sides", (t) => t.set("cls_token", [1, 1, 0]), /cls_token has shape/],
  ])("%s", (_, change, message) => expect(() => inferShape(source(full, change), told)).toThrow(message));

  test("heads that do not divide the width", () => {
    expect(() => inferShape(source(micro), { heads: 3 })).toThrow(
      /a width of 16 does not divide into 3 heads.*--heads/,
    );
  });
});
