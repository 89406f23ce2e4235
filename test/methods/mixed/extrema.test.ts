import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { autocast, noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import { Extrema, extrema, extremaConfig } from "../../../src/methods/mixed/extrema.js";
import type { PatchEncoder } from "../../../src/models/encoder.js";
import { Vit, vitConfig } from "../../../src/models/vit.js";
import { rampAt } from "../../../src/optim/schedule.js";
import { cat } from "../../../src/tensor/creation.js";
import { backward } from "../../../src/tensor/grad.js";
import { Rng } from "../../../src/tensor/random.js";
import type { Tensor } from "../../../src/tensor/tensor.js";
import { checkReference } from "../../../src/train/reference/check.js";
import { relativeDifference } from "../../numbers.js";
import { stepOf } from "../../train/example.js";

test.each([
  ["extrema-disjoint", 81],
  ["extrema-info-nce", 51],
])("%s: losses, gradients and teacher of the official code's three steps", (name, gradients) => {
  const parts = checkReference(fileURLToPath(new URL(`../../reference/${name}.safetensors`, import.meta.url)));
  expect(parts.filter(({ passed }) => !passed)).toEqual([]);
  const tensors = Object.fromEntries(parts.map((part) => [part.part, part.tensors]));
  expect(tensors).toMatchObject({ loss: 1, gradients, "losses of three steps": 1 });
});

const samples = [0, 1, 2];
const step = stepOf(new Rng(1, "step", 0, samples));
const rows = { start: 0, end: samples.length };
const pictures = (name: string): Tensor => new Rng(2, name, 0, samples).normal([3, 20, 20]);
const batch = () => ({ crop: pictures("image"), image: pictures("image"), target: pictures("target") });
const vit = (classAttention = 2): PatchEncoder =>
  new Vit(vitConfig.parse({ width: 32, depth: 2, heads: 2, patchSize: 4, classAttention }), {
    imageSize: [20, 20],
    channels: 3,
  });

function build(changes: object = {}): Extrema {
  const model = new Extrema(extremaConfig.parse({ hidden: 32, output: 16, ...changes }), vit(), vit);
  model.initialize(new Rng(0, "init"));
  noGrad(() => scope(() => model.begin()));
  model.setTraining(true);
  return model;
}

test("a picture's masks share no patch: five of four show 20, and fewer where they are drawn apart", () => {
  using model = build();
  using apart = build({ disjoint: false });
  const shown = (of: Extrema): number[][] =>
    scope(() => {
      const all = cat(of.visible(step.rng, "cpu"), 1); // [B M·K]
      return all.unbind(0).map((row) => [...new Set(row.toNumbers())]);
    });
  expect(shown(model).map(({ length }) => length)).toEqual([20, 20, 20]);
  for (const { length } of shown(apart)) expect(length).toBeLessThan(20);
});

test("the card's counts of patches: 39, 19 and 49 of 196; masks that would need more than there are are refused", () => {
  const base = (): PatchEncoder =>
    new Vit(vitConfig.parse({ width: 8, depth: 1, heads: 2, patchSize: 1 }), { imageSize: [14, 14], channels: 1 });
  const shown = [
    [0.8, 5],
    [0.9, 8],
    [0.75, 4],
  ].map(([maskRatio, masks]) => {
    using model = new Extrema(extremaConfig.parse({ hidden: 8, output: 8, maskRatio, masks }), base(), base);
    return scope(() => model.visible(step.rng, "cpu").map((ids) => ids.side(1)));
  });
  expect(shown).toEqual([Array(5).fill(39), Array(8).fill(19), Array(4).fill(49)]);
  using encoder = base();
  expect(() => new Extrema(extremaConfig.parse({ masks: 6 }), encoder, base)).toThrow(
    "6 masks that show 39 patches each need 234, a picture has 196.",
  );
});

test("rows of mask i are those of mask i: each is the class token of a picture's own patches", () => {
  using model = build();
  model.setTraining(false);
  scope(() => {
    const { image } = batch();
    const visible = model.visible(step.rng, "cpu");
    const together = model.encodeParts(image, visible); // [M·B D]
    expect(together.shape).toEqual([15, 32]);
    for (const [i, ids] of visible.entries())
      for (const b of samples) {
        const alone = model.encodeParts(image.slice(0, b, b + 1), [ids.slice(0, b, b + 1)]); // [1 D]
        const row = i * samples.length + b;
        expect(relativeDifference(together.slice(0, row, row + 1), alone)).toBeLessThan(1e-5);
      }
  });
});

test("the loss lies between 0 and 4, nearly 2 before training; where student and teacher say the same it is 0", () => {
  using model = build({ hidden: 256 });
  scope(() => {
    const loss = model.call(batch(), step).total.item();
    expect(loss).toBeGreaterThan(1);
    expect(loss).toBeLessThan(3);
  });
});

test("no gradient reaches the teacher; every other parameter has one", () => {
  using model = build();
  const without: string[] = [];
  scope(() => {
    backward(model.call(batch(), step).total);
    for (const [name, value] of model.state()) {
      if (value.grad === undefined) without.push(name);
      value.grad = undefined;
    }
  });
  expect(without.filter((name) => !name.startsWith("teacher."))).toEqual(["encoder.pos_embed"]);
  expect(without.length).toBe(1 + model.teacher.state().size);
});

test("the teacher follows once a step, before the pictures are looked at, and not in evaluation; its momentum is the official ramp", () => {
  using model = build();
  const own = model.state().get("projector.0.weight") as Tensor;
  const followed = model.state().get("teacher.projector.0.weight") as Tensor;
  noGrad(() =>
    scope(() => {
      const before = followed.clone();
      own.add_(1);
      model.prepare(batch(), step)(rows);
      expect(relativeDifference(followed, before.add(0.004))).toBeLessThan(1e-6);
      model.setTraining(false);
      const kept = followed.toNumbers();
      model.prepare(batch(), step)(rows);
      expect(followed.toNumbers()).toEqual(kept);
    }),
  );
  const { momentum } = extremaConfig.parse({});
  const golden = [0.996, 0.996586, 0.998, 0.999414, 1];
  for (const [i, value] of golden.entries()) expect(rampAt(momentum, i / 4)).toBeCloseTo(value, 6);
});

test("micro-batches add up to the batch's gradient, and only InfoNCE needs the batch whole", () => {
  expect(extrema.couplesBatch(extremaConfig.parse({}))).toBeUndefined();
  expect(extrema.couplesBatch(extremaConfig.parse({ loss: "infoNce" }))).toMatch(/negatives/);
  using model = build();
  model.setTraining(false);
  scope(() => {
    const whole = model.call(batch(), step).total.item();
    const parts = samples.map((b) => {
      const own = { ...step, rng: step.rng.at(0, [b]) };
      return model.call(model.prepare(batch(), own)({ start: b, end: b + 1 }), own).total.item();
    });
    expect(parts.reduce((a, b) => a + b, 0) / 3).toBeCloseTo(whole, 5);
  });
});

test("ViT-B/16 with class attention, projector and predictor have the sizes that the official code's have", () => {
  const base = (): PatchEncoder =>
    new Vit(vitConfig.parse({ size: "base", classAttention: 2 }), { imageSize: [224, 224], channels: 3 });
  using model = new Extrema(extremaConfig.parse({}), base(), base);
  const count = (part: { parameters(): { tensor: Tensor }[] }): number =>
    part.parameters().reduce((sum, { tensor }) => sum + tensor.size, 0);
  const table = 196 * 768; // positions
  expect([count(model.encoder) + table, count(model.projector), count(model.predictor)]).toEqual([
    99_976_704, 20_996_352, 2_109_696,
  ]);
});

test("the teacher is what is judged; the class token takes no weight decay; bfloat16 gives nearly the same loss", () => {
  using model = build();
  expect(model.outcome).toBe(model.teacher.encoder);
  const rules = model.parameters().flatMap((parameter) => (model.ruleFor(parameter) ? [parameter.name] : []));
  expect(rules).toEqual(["encoder.cls_token"]);
  const loss = (): number => scope(() => model.call(batch(), step).total.item());
  const exact = loss();
  expect(Math.abs(autocast("bfloat16", loss) / exact - 1)).toBeLessThan(0.05);
});
