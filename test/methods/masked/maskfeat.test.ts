import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import { MaskFeat, maskFeat, maskFeatConfig } from "../../../src/methods/masked/maskfeat.js";
import { encodeWithMaskToken, hiddenPatches } from "../../../src/methods/parts/masks.js";
import { Vit, vitConfig } from "../../../src/models/vit.js";
import { backward } from "../../../src/tensor/grad.js";
import { Rng } from "../../../src/tensor/random.js";
import type { Tensor } from "../../../src/tensor/tensor.js";
import { checkReference } from "../../../src/train/reference/check.js";
import { leavesNoTensors } from "../../engine/leaks.js";
import { stepOf } from "../../train/example.js";

leavesNoTensors();

test.each([
  ["maskfeat-hog", 33],
  ["maskfeat-pixels", 45],
])("%s: losses, gradients and parameters of the official code's three steps", (name, gradients) => {
  const parts = checkReference(fileURLToPath(new URL(`../../reference/${name}.safetensors`, import.meta.url)));
  expect(parts.filter(({ passed }) => !passed)).toEqual([]);
  const tensors = Object.fromEntries(parts.map((part) => [part.part, part.tensors]));
  expect(tensors).toMatchObject({ loss: 1, gradients, "losses of three steps": 1 });
});

const step = stepOf(new Rng(1, "step", 0, [0, 1]));
const pictures = (): Tensor => new Rng(2, "x", 0, [0, 1]).normal([3, 32, 32]);

const encoder = (): Vit =>
  new Vit(vitConfig.parse({ width: 32, depth: 2, heads: 2, patchSize: 8 }), { imageSize: [32, 32], channels: 3 });

function build(changes: object = {}): MaskFeat {
  const model = new MaskFeat(maskFeatConfig.parse(changes), encoder());
  model.initialize(new Rng(0, "init"));
  return model;
}

test("pixels of a hidden patch change what is to be predicted and not what is", () => {
  using model = build();
  noGrad(() =>
    scope(() => {
      const mask = model.draw(step.rng, "cpu");
      const hidden = hiddenPatches(mask).reshape([2, 1, 4, 1, 4, 1]); // [B 1 h 1 w 1]
      const noise = new Rng(9, "noise", 0, [0, 1]).normal([3, 4, 8, 4, 8]).mul(hidden).reshape([2, 3, 32, 32]);
      const changed = pictures().add(noise);
      const latent = (image: Tensor): unknown =>
        encodeWithMaskToken(model.encoder, image, mask, model.maskToken).toArray();
      expect(latent(changed)).toEqual(latent(pictures()));
      expect(model.loss(changed, mask).item()).not.toBe(model.loss(pictures(), mask).item());
    }),
  );
});

test("a head that says nothing costs a ninth", () => {
  using model = build();
  noGrad(() => scope(() => void model.head.weight.mul_(0)));
  expect(scope(() => model.call({ image: pictures() }, step).total.item())).toBeCloseTo(1 / 9, 6);
});

test("the mask token and everything that a picture goes through learn", () => {
  using model = build();
  scope(() => {
    backward(model.call({ image: pictures() }, step).total);
    for (const { name, tensor } of model.parameters()) {
      expect(tensor.grad?.abs().amax([]).item(), name).toBeGreaterThan(0);
      tensor.grad = undefined;
    }
  });
});

test("ViT-B/16 with head and mask token has the parameters of the official model", () => {
  const base = (): Vit =>
    new Vit(vitConfig.parse({ size: "base", positions: "learned" }), { imageSize: [224, 224], channels: 3 });
  using model = maskFeat.build(maskFeatConfig.parse({}), base);
  expect([...model.state().values()].reduce((sum, { size }) => sum + size, 0)).toBe(85_882_476);
});

test("a ratio that hides everything is refused", () => {
  expect(() => maskFeat.build(maskFeatConfig.parse({ maskRatio: 0.99 }), encoder)).toThrow(
    "in method.maskRatio: a mask ratio of 0.99 leaves 0 of 16 patches visible.",
  );
});
