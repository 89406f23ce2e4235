import { expect, test } from "vitest";
import { noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import { MaskFeat, maskFeatConfig } from "../../../src/methods/masked/maskfeat.js";
import { hiddenPatches } from "../../../src/methods/parts/masks.js";
import { Vit, vitConfig } from "../../../src/models/vit.js";
import { take } from "../../../src/tensor/functional.js";
import { Rng } from "../../../src/tensor/random.js";
import { stepOf } from "../../train/example.js";

test("what is predicted of hidden patches is what pictures are filled in with, and the mask that is given is taken", () => {
  const vit = new Vit(vitConfig.parse({ width: 16, depth: 1, heads: 2, patchSize: 4 }), {
    imageSize: [16, 16],
    channels: 3,
  });
  using model = new MaskFeat(maskFeatConfig.parse({ target: "pixels", maskRatio: 0.5 }), vit);
  model.initialize(new Rng(0, "init"));
  noGrad(() =>
    scope(() => {
      const step = stepOf(new Rng(1, "step", 0, [0, 1]));
      const image = new Rng(2, "x", 0, [0, 1]).normal([3, 16, 16]);
      const mask = model.draw(step.rng, "cpu");
      const { predicted, wanted } = model.predict(image, mask);
      expect([predicted.shape, wanted.shape]).toEqual([
        [2, 8, 48],
        [2, 8, 48],
      ]);
      expect(model.loss(image, mask).item()).toBeCloseTo(predicted.sub(wanted).pow(2).mean().item(), 6);
      const made = model.reconstruct(image, step, mask);
      expect(made.mask.toArray()).toEqual(hiddenPatches(mask).toArray());
      const all = { ...mask, kept: 0 }; // every patch hidden, in the mask's order
      expect(model.predict(image, all).wanted.toArray()).toEqual(take(model.target.call(image), mask.ids).toArray());
      expect(model.hiding()).toEqual({ share: 0.5, grid: [4, 4], cell: [4, 4] });
    }),
  );
});
