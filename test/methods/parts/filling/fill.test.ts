import { expect, test } from "vitest";
import { scope } from "../../../../src/engine/scope.js";
import { fillPictures } from "../../../../src/methods/parts/filling/fill.js";
import { full } from "../../../../src/tensor/creation.js";
import { tensor } from "../../../../src/tensor/tensor.js";

test("visible patches as they are, hidden ones black, filled in, or all as predicted", () => {
  scope(() => {
    const image = full([1, 1, 2, 2], 5);
    const pixels = tensor(Float32Array.of(1, 2, 3, 4), [1, 4, 1]); // four patches of one pixel
    const hidden = tensor(Float32Array.of(0, 1, 1, 0), [1, 4]);
    const { masked, rebuilt, predicted } = fillPictures(image, pixels, hidden, { patch: [1, 1], grid: [2, 2] });
    expect(masked.toNumbers()).toEqual([5, 0, 0, 5]);
    expect(rebuilt.toNumbers()).toEqual([5, 2, 3, 5]);
    expect(predicted.toNumbers()).toEqual([1, 2, 3, 4]);
  });
});
