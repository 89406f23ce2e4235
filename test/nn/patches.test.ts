import fc from "fast-check";
import { expect, test } from "vitest";
import { scope } from "../../src/engine/scope.js";
import { PatchEmbed, patchify, unpatchify } from "../../src/nn/patches.js";
import { arange } from "../../src/tensor/creation.js";
import { Rng } from "../../src/tensor/random.js";
import { aten, tensor } from "../../src/tensor/tensor.js";
import { relativeDifference } from "../numbers.js";

test("T1: the official layout, raster tokens and channel fastest", () => {
  scope(() => {
    const tokens = patchify(arange(0, 48).reshape([1, 3, 4, 4]), [2, 2], "channelsLast");
    expect(tokens.select(0, 0).toNumbers()).toEqual([
      ...[0, 16, 32, 1, 17, 33, 4, 20, 36, 5, 21, 37],
      ...[2, 18, 34, 3, 19, 35, 6, 22, 38, 7, 23, 39],
      ...[8, 24, 40, 9, 25, 41, 12, 28, 44, 13, 29, 45],
      ...[10, 26, 42, 11, 27, 43, 14, 30, 46, 15, 31, 47],
    ]);
  });
});

test("unpatchify is the inverse for any size, aspect, channels and order", () => {
  const side = fc.integer({ min: 1, max: 4 });
  fc.assert(
    fc.property(
      side,
      side,
      side,
      side,
      side,
      fc.constantFrom("channelsFirst" as const, "channelsLast" as const),
      (p, q, h, w, C, order) => {
        scope(() => {
          const image = arange(0, 2 * C * h * p * w * q).reshape([2, C, h * p, w * q]);
          const back = unpatchify(patchify(image, [p, q], order), [p, q], [h, w], order);
          expect(back.toArray()).toEqual(image.toArray());
        });
      },
    ),
  );
});

test("T7: the embedding is the convolution whose kernel equals its stride", () => {
  using embed = new PatchEmbed(3, 16, [4, 2]);
  embed.initialize(new Rng(1, "init"));
  scope(() => {
    const image = new Rng(2, "image").normal([3, 8, 6]);
    const { weight, bias } = embed.proj;
    const convolved = aten("conv2d", image, weight, bias, [4, 2]).flatten(2).transpose(1, 2);
    expect(relativeDifference(embed.call(embed.unfold(image)), convolved)).toBeLessThan(1e-6);
  });
});

test("a size that does not divide is an error with both sizes", () => {
  scope(() => {
    const image = tensor(new Float32Array(3 * 30 * 32), [1, 3, 30, 32]);
    expect(() => patchify(image, [16, 16], "channelsLast")).toThrow(
      "an image of 30 × 32 does not divide into patches of 16 × 16",
    );
  });
});
