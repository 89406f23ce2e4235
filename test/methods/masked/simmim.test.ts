import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import { SimMim, simmim, simmimConfig } from "../../../src/methods/masked/simmim.js";
import { hiddenPatches, maskOf } from "../../../src/methods/parts/masks.js";
import type { TokenEncoder } from "../../../src/models/encoder.js";
import { Swin, swinConfig } from "../../../src/models/swin/swin.js";
import { Vit, vitConfig } from "../../../src/models/vit.js";
import { onDevice } from "../../../src/nn/parameter.js";
import { arange } from "../../../src/tensor/creation.js";
import { backward } from "../../../src/tensor/grad.js";
import { Rng } from "../../../src/tensor/random.js";
import type { Tensor } from "../../../src/tensor/tensor.js";
import { checkReference } from "../../../src/train/reference/check.js";
import { leavesNoTensors } from "../../engine/leaks.js";
import { stepOf } from "../../train/example.js";

leavesNoTensors();

test.each([
  ["simmim-swin", 83],
  ["simmim-units", 83],
  ["simmim-vit", 39],
])("%s: losses, gradients and parameters of the official code's three steps", (name, gradients) => {
  const parts = checkReference(fileURLToPath(new URL(`../../reference/${name}.safetensors`, import.meta.url)));
  expect(parts.filter(({ passed }) => !passed)).toEqual([]);
  const tensors = Object.fromEntries(parts.map((part) => [part.part, part.tensors]));
  expect(tensors).toMatchObject({
    loss: 1,
    gradients,
    "losses of three steps": 1,
    "parameters after three steps": gradients,
  });
});

const step = stepOf(new Rng(1, "step", 0, [0, 1]));
const pictures = (seed = 2): Tensor => new Rng(seed, "x", 0, [0, 1]).normal([3, 32, 32]);
const image = { imageSize: [32, 32], channels: 3 } as const;
const encoders = {
  swin: (): TokenEncoder =>
    new Swin(swinConfig.parse({ width: 8, depths: [2, 1, 1, 1], heads: 2, patchSize: 1, window: 4 }), image),
  vit: (): TokenEncoder => new Vit(vitConfig.parse({ width: 32, depth: 2, heads: 2, patchSize: 4 }), image),
};

function build(encoder: keyof typeof encoders = "swin", changes: object = {}): SimMim {
  const model = new SimMim(simmimConfig.parse({ unit: 8, ...changes }), encoders[encoder]());
  model.initialize(new Rng(0, "init"));
  return model;
}

test.each(["swin", "vit"] as const)("%s: hidden pixels change what is to be predicted and not what is", (encoder) => {
  using model = build(encoder);
  noGrad(() =>
    scope(() => {
      const { ids, kept } = model.draw(step.rng, "cpu");
      const hidden = hiddenPatches(maskOf(ids, kept)).reshape([2, 1, 4, 1, 4, 1]); // [B 1 h 1 w 1]
      const noise = new Rng(9, "noise", 0, [0, 1]).normal([3, 4, 8, 4, 8]).mul(hidden).reshape([2, 3, 32, 32]);
      const changed = pictures().add(noise);
      const predicted = (x: Tensor): unknown => model.reconstruct(x, step, { ids, kept }).predicted.toArray();
      expect(predicted(changed)).toEqual(predicted(pictures()));
      expect(model.loss(changed, maskOf(ids, kept)).item()).not.toBe(model.loss(pictures(), maskOf(ids, kept)).item());
    }),
  );
});

test("a head that says nothing costs the mean of hidden pixels' sizes: 0.798 of normal ones", () => {
  using model = build();
  noGrad(() => scope(() => [model.decoder.weight, model.decoder.bias].forEach((parameter) => void parameter?.mul_(0))));
  scope(() => {
    const mask = model.draw(step.rng, "cpu");
    const hidden = hiddenPatches(mask).reshape([2, 1, 4, 1, 4, 1]).expand([2, 3, 4, 8, 4, 8]).reshape([2, 3, 32, 32]);
    const wanted = pictures().abs().mul(hidden).sum().div(hidden.sum()).item();
    expect(model.loss(pictures(), mask).item()).toBeCloseTo(wanted, 5);
    expect(Math.abs(wanted - 0.798)).toBeLessThan(0.03);
  });
});

/** The official masks: 22 of 36 units at 192 px, 30 of 49 at 224, each of whole patches. */
test.each([
  ["swin", 192, { size: "base", window: 6 }, 22],
  ["vit", 224, { size: "base" }, 30],
] as const)("a %s's units at %i px", (name, side, size, count) => {
  const shape = { imageSize: [side, side], channels: 3 } as const;
  const make = (): TokenEncoder =>
    name === "swin" ? new Swin(swinConfig.parse(size), shape) : new Vit(vitConfig.parse(size), shape);
  using model = onDevice("meta", () => new SimMim(simmimConfig.parse({}), make()));
  scope(() => {
    expect(hiddenPatches(model.draw(step.rng, "cpu")).sum([1]).toNumbers()).toEqual([count, count]);
  });
  expect(model.hiding()).toEqual({ share: 0.6, grid: [side / 32, side / 32], cell: [32, 32] });
});

test("channel c · 64 + 8 · row + column of a place's prediction is colour c at its row and column", () => {
  using model = build();
  noGrad(() =>
    scope(() => {
      model.decoder.weight.mul_(0);
      model.decoder.bias?.copy_(arange(0, 192));
      const { ids, kept } = model.draw(step.rng, "cpu");
      const { predicted } = model.reconstruct(pictures(), step, { ids, kept });
      expect(predicted.select(0, 1).select(0, 2).select(0, 11).toNumbers().slice(16, 24)).toEqual(
        Array.from({ length: 8 }, (_, column) => 2 * 64 + 3 * 8 + column), // row 11 of the picture is row 3 of a place
      );
    }),
  );
});

test("the token and everything that a picture goes through learn; the authors' parameters are spared from decay", () => {
  for (const [encoder, spared] of [
    ["swin", ["mask_token"]],
    ["vit", ["encoder.cls_token"]],
  ] as const) {
    using model = build(encoder);
    scope(() => backward(model.call({ image: pictures() }, step).total));
    for (const { name, tensor } of model.parameters()) {
      expect(
        scope(() => tensor.grad?.abs().amax([]).item()),
        name,
      ).toBeGreaterThan(0);
      tensor.grad = undefined;
    }
    const rules = model.parameters().filter((parameter) => model.ruleFor(parameter)?.decays === false);
    expect(rules.map(({ name }) => name)).toEqual(spared);
  }
});

/** 89,874,104 of the official model (card), which has 3,148,800 of them in its head. */
test("Swin-B at 192 px with head and token has the official number of parameters", () => {
  const base = (): TokenEncoder =>
    new Swin(swinConfig.parse({ size: "base", window: 6 }), { imageSize: [192, 192], channels: 3 });
  using model = onDevice("meta", () => simmim.build(simmimConfig.parse({}), base));
  const count = [...model.state().values()].reduce((sum, { size }) => sum + size, 0);
  expect(count).toBe(89_874_104);
});

test("units that patches do not fill, or that do not fill the picture, are refused, and so is a ratio that hides everything", () => {
  expect(() => simmim.build(simmimConfig.parse({ unit: 6 }), encoders.vit)).toThrow(
    "units of 6 pixels do not fit pictures of 32 × 32, patches of 4 × 4 and places of 4 × 4 pixels.",
  );
  expect(() => simmim.build(simmimConfig.parse({ unit: 12 }), encoders.vit)).toThrow("units of 12 pixels do not fit");
  expect(() => simmim.build(simmimConfig.parse({ unit: 16, maskRatio: 0.9 }), encoders.swin)).toThrow(
    "leaves 0 of 4 patches visible",
  );
});
