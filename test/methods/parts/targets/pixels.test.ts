import { expect, test } from "vitest";
import { scope } from "../../../../src/engine/scope.js";
import { PixelTarget } from "../../../../src/methods/parts/targets/pixels.js";
import { patchify } from "../../../../src/nn/patches.js";
import { zeros } from "../../../../src/tensor/creation.js";
import { Rng } from "../../../../src/tensor/random.js";

test.each([
  [16, 0.998698],
  [14, 0.998299],
  [4, 0.979167],
  [2, 0.916667],
])("T11: predicting zero for normalised patches of %i px costs %d, which is the baseline", (p, wanted) => {
  scope(() => {
    const target = new PixelTarget([p, p], 3, true);
    const image = new Rng(1, "x").normal([3, 2 * p, 2 * p]);
    const values = target.call(image); // [1 4 P]
    expect(target.loss(zeros(values.shape), values).item()).toBeCloseTo(wanted, 4);
    expect(target.baseline()).toBeCloseTo(wanted, 5);
  });
});

test("a perfect prediction becomes the picture, normalised or not", () => {
  scope(() => {
    const image = new Rng(1, "x").normal([3, 8, 8]);
    for (const normalize of [true, false]) {
      const target = new PixelTarget([4, 4], 3, normalize);
      const pixels = target.pixels(target.call(image), image);
      expect(
        pixels
          .sub(patchify(image, [4, 4], "channelsLast"))
          .abs()
          .amax([])
          .item(),
      ).toBeLessThan(1e-5);
    }
  });
});
