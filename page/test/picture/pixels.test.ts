import { expect, test } from "vitest";
import { scope } from "../../../src/engine/scope.js";
import { tensor } from "../../../src/tensor/tensor.js";
import { toImages } from "../../../src/train/batch.js";
import { toPixels } from "../../../src/train/watch/panels.js";
import { congruential } from "../../../test/numbers.js";
import { normalized, toByte, toRgba } from "../../src/picture/pixels.js";

const mean = [0.485, 0.456, 0.406];
const std = [0.229, 0.224, 0.225];

test("normalised as in training, to the bit", () => {
  const next = congruential(1);
  const data = Uint8Array.from({ length: 768 }, (_, i) => (i < 256 ? i : Math.floor((next() + 1) * 128) & 255));
  const picture = { data, height: 16, width: 16, channels: 3 };
  const theirs = scope(() => toImages(picture, mean, std).toArray()) as Float32Array;
  expect(normalized(picture, { mean, std })).toEqual(theirs);
});

test("back to bytes as previews are, also beyond black and white", () => {
  const next = congruential(2);
  const values = Float32Array.from({ length: 300 }, () => 4 * next());
  const theirs = scope(() => toPixels(tensor(values, [1, 3, 10, 10]), mean, std)); // [1 10 10 3]
  const ours = Uint8Array.from(values, (value, i) =>
    toByte(value, mean[Math.floor(i / 100)] as number, std[Math.floor(i / 100)] as number),
  );
  // float32 there, float64 here: a value on the edge between two levels may fall to either side.
  for (const [i, byte] of ours.entries())
    expect(Math.abs(byte - (theirs[(i % 100) * 3 + Math.floor(i / 100)] as number))).toBeLessThanOrEqual(1);
  expect(ours.filter((byte, i) => byte !== theirs[(i % 100) * 3 + Math.floor(i / 100)]).length).toBeLessThan(3);
});

test("grey is repeated for a canvas", () => {
  const grey = { data: Uint8Array.of(7, 9), height: 1, width: 2, channels: 1 };
  expect(Array.from(toRgba(grey))).toEqual([7, 7, 7, 255, 9, 9, 9, 255]);
  const colour = { data: Uint8Array.of(1, 2, 3), height: 1, width: 1, channels: 3 };
  expect(Array.from(toRgba(colour))).toEqual([1, 2, 3, 255]);
});
