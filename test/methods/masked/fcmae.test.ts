import { expect, test } from "vitest";
import { noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import { Fcmae, fcmaeConfig } from "../../../src/methods/masked/fcmae.js";
import { hiddenPatches } from "../../../src/methods/parts/masks.js";
import { ConvnextV2, convnextV2Config } from "../../../src/models/convnext-v2.js";
import { Rng } from "../../../src/tensor/random.js";
import type { Tensor } from "../../../src/tensor/tensor.js";
import { stepOf } from "../../train/example.js";

const encoder = (side = 32): ConvnextV2 =>
  new ConvnextV2(convnextV2Config.parse({ widths: 8, depths: [1, 1, 2, 1], stem: 1 }), {
    imageSize: [side, side],
    channels: 3,
  });

function build(changes: object = {}): Fcmae {
  const model = new Fcmae(fcmaeConfig.parse({ decoder: { width: 16 }, ...changes }), encoder());
  model.initialize(new Rng(0, "init"));
  return model;
}

const step = stepOf(new Rng(1, "step", 0, [0, 1]));
const pictures = (): Tensor => new Rng(2, "x", 0, [0, 1]).normal([3, 32, 32]);

test("nothing of a hidden cell reaches what is predicted; the loss sees it", () => {
  using model = build();
  for (const [name, value] of model.state()) if (name.includes("grn")) noGrad(() => scope(() => void value.add_(0.5)));
  noGrad(() =>
    scope(() => {
      const mask = model.draw(step.rng, "cpu");
      const hidden = hiddenPatches(mask).reshape([2, 1, 4, 1, 4, 1]); // [B 1 h 1 w 1]
      const noise = new Rng(9, "noise", 0, [0, 1]).normal([3, 4, 8, 4, 8]).mul(hidden).reshape([2, 3, 32, 32]);
      const changed = pictures().add(noise);
      const predict = (image: Tensor): number[] =>
        model.decode(model.encoder.encodeMasked(image, mask), mask).toNumbers();
      expect(predict(changed)).toEqual(predict(pictures()));
      const loss = (image: Tensor): number => model.call({ image }, step).total.item();
      expect(loss(changed)).not.toBe(loss(pictures()));
    }),
  );
});

test("the paper's mask: 19 of 49 cells are visible at 224 px and a ratio of 0.6; the decoder's size", () => {
  using model = new Fcmae(
    fcmaeConfig.parse({}),
    new ConvnextV2(convnextV2Config.parse({ size: "atto" }), { imageSize: [224, 224], channels: 3 }),
  );
  scope(() => expect(model.draw(step.rng, "cpu").kept).toBe(19));
  const count = (of: { state(): Map<string, Tensor> }): number =>
    [...of.state().values()].reduce((sum, { size }) => sum + size, 0);
  expect(count(model)).toBe(7_257_992 + 2 * 320); // Atto with its decoder; the official count has no norm for classifiers
});

test("a ratio that leaves nothing is refused with the size of a cell", () => {
  using small = encoder(8);
  expect(() => new Fcmae(fcmaeConfig.parse({ decoder: { width: 16 } }), small)).toThrow("A cell is 8 × 8 pixels");
});
