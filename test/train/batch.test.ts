import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ShapeError } from "../../src/engine/errors.js";
import { liveTensors } from "../../src/engine/scope.js";
import { toImages } from "../../src/train/batch.js";

const reference: { mean: number[]; std: number[]; images: number[] } = JSON.parse(
  readFileSync(new URL("../reference/images.json", import.meta.url), "utf8"),
);
const data = Uint8Array.from({ length: 2 * 3 * 5 * 3 }, (_, i) => (37 * i + 11) % 256);
const view = { data, height: 3, width: 5, channels: 3 };

describe("toImages", () => {
  it("equals torchvision to the bit", () => {
    const live = liveTensors();
    using images = toImages(view, reference.mean, reference.std);
    expect(liveTensors()).toBe(live + 1);
    expect(images.shape).toEqual([2, 3, 3, 5]);
    expect(images.toNumbers()).toEqual(reference.images);
  });

  it("rounds every byte as the formula in float32", () => {
    const every = { data: Uint8Array.from({ length: 256 }, (_, i) => i), height: 16, width: 16, channels: 1 };
    using images = toImages(every, [0.2860406], [0.35302424]);
    const round = Math.fround;
    const expected = Array.from(every.data, (x) => round(round(round(x / 255) - round(0.2860406)) / round(0.35302424)));
    expect(images.toNumbers()).toEqual(expected);
  });

  it("copies: shared memory is read once and may be used again", () => {
    const shared = new Uint8Array(new SharedArrayBuffer(data.length));
    shared.set(data);
    using images = toImages({ ...view, data: shared }, reference.mean, reference.std);
    shared.fill(0);
    expect(images.toNumbers()).toEqual(reference.images);
  });

  it("says what does not fit", () => {
    expect(() => toImages({ ...view, width: 4 }, reference.mean, reference.std)).toThrow(
      "a batch of 3 × 4 × 3 pictures was given 90 bytes.",
    );
    expect(() => toImages(view, [0.5], [0.5])).toThrow(ShapeError);
    expect(() => toImages(view, [0.5], [0.5])).toThrow(
      "in normalization: pictures have 3 channels, the normalisation has 1 means and 1 deviations. " +
        "Give one mean and one deviation for each channel.",
    );
  });
});
