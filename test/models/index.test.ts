import { expect, test } from "vitest";
import { noGrad } from "../../src/engine/modes.js";
import { scope } from "../../src/engine/scope.js";
import { buildEncoder, modelConfig, models } from "../../src/models/index.js";
import { Rng } from "../../src/tensor/random.js";

test.each(models.names())("%s: one vector an image, at any batch size, each image for itself", (name) => {
  using encoder = buildEncoder(modelConfig.parse({ name, size: "tiny", depth: 2, patchSize: 4 }), {
    imageSize: [16, 8],
    channels: 3,
  });
  encoder.initialize(new Rng(0, "init"));
  noGrad(() =>
    scope(() => {
      const images = new Rng(1, "x", 0, [0, 1, 2]).normal([3, 16, 8]);
      const all = encoder.features(images);
      expect(all.shape).toEqual([3, encoder.width]);
      expect(
        encoder
          .features(images.slice(0, 1, 2))
          .sub(all.slice(0, 1, 2))
          .abs()
          .amax([])
          .item(),
      ).toBeLessThan(1e-5);
    }),
  );
});

test("an unknown backbone names the known ones", () => {
  expect(() => modelConfig.parse({ name: "resnet" })).toThrow(/vit/);
});
