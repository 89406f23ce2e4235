import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { autocast, noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import { Mae, maeConfig } from "../../../src/methods/masked/mae.js";
import { Cmae, cmae, cmaeConfig } from "../../../src/methods/mixed/cmae.js";
import { infoNce } from "../../../src/methods/parts/losses/info-nce.js";
import { alone } from "../../../src/methods/world.js";
import type { PatchEncoder } from "../../../src/models/encoder.js";
import { Vit, vitConfig } from "../../../src/models/vit.js";
import { rampAt } from "../../../src/optim/schedule.js";
import { eye, full } from "../../../src/tensor/creation.js";
import { backward } from "../../../src/tensor/grad.js";
import { Rng } from "../../../src/tensor/random.js";
import type { Tensor } from "../../../src/tensor/tensor.js";
import { checkReference } from "../../../src/train/reference/check.js";
import { stepOf } from "../../train/example.js";
import { smallMethod } from "../small.js";

test.each([
  ["cmae-small", 87],
  ["cmae-weights", 75],
])("%s: losses, gradients, target and batch statistics of the official code's three steps", (name, gradients) => {
  const parts = checkReference(fileURLToPath(new URL(`../../reference/${name}.safetensors`, import.meta.url)));
  expect(parts.filter(({ passed }) => !passed)).toEqual([]);
  const tensors = Object.fromEntries(parts.map((part) => [part.part, part.tensors]));
  expect(tensors).toMatchObject({ loss: 1, parts: 2, gradients, "losses of three steps": 1 });
});

const samples = Array.from({ length: 8 }, (_, i) => i);
const step = stepOf(new Rng(1, "step", 0, samples));
const pictures = (name: string): Tensor => new Rng(2, name, 0, samples).normal([3, 16, 16]);
const batch = () => ({ image: pictures("image"), target: pictures("target") });
const vit = (): PatchEncoder =>
  new Vit(vitConfig.parse({ width: 32, depth: 2, heads: 2, patchSize: 4 }), { imageSize: [16, 16], channels: 3 });

function build(changes: object = {}): Cmae {
  const model = new Cmae(cmaeConfig.parse({ ...smallMethod("cmae"), ...changes }), vit(), vit);
  model.initialize(new Rng(0, "init"));
  noGrad(() => scope(() => model.begin()));
  model.setTraining(true);
  return model;
}

/** Which parts get a gradient that is not zero. */
function reached(model: Cmae, part: "reconstruction" | "contrast" | "total"): string[] {
  return scope(() => {
    const { total, parts } = model.call(batch(), step);
    backward(part === "total" ? total : (parts?.[part] as Tensor));
    const names = [...model.state()].flatMap(([name, value]) => {
      const isReached = value.grad !== undefined && value.grad.abs().amax([]).item() > 0;
      value.grad = undefined;
      const [part] = /^(teacher|feature_decoder|projector|predictor|decoder|mask_token)/.exec(name) ?? ["encoder"];
      return isReached ? [part] : [];
    });
    return [...new Set(names)].sort();
  });
}

test("each loss reaches its own decoder and the encoder; no gradient reaches the target", () => {
  using model = build();
  expect(reached(model, "reconstruction")).toEqual(["decoder", "encoder", "mask_token"]);
  expect(reached(model, "contrast")).toEqual(["encoder", "feature_decoder", "predictor", "projector"]);
  using plain = build({ contrastWeight: 0 });
  expect(reached(plain, "total")).toEqual(["decoder", "encoder", "mask_token"]);
});

test("without the contrastive loss it is MAE with the same mask, to the bit", () => {
  using model = build({ contrastWeight: 0 });
  using plain = new Mae(maeConfig.parse({ decoder: cmaeConfig.parse(smallMethod("cmae")).decoder }), vit());
  plain.initialize(new Rng(0, "init"));
  scope(() => {
    const mask = model.draw(step.rng, "cpu");
    expect(model.call(batch(), step).total.item()).toBe(plain.loss(batch().image, mask).item());
  });
});

test("the target sees the whole picture of its own view, and the online network none of its hidden patches", () => {
  using model = build();
  model.setTraining(false);
  scope(() => {
    const { image, target } = batch();
    const hidden = model.draw(step.rng, "cpu").restore.ge(4).float().reshape([8, 1, 4, 1, 4, 1]); // [B 1 h 1 w 1]
    const noise = pictures("noise").reshape([8, 3, 4, 4, 4, 4]).mul(hidden).reshape([8, 3, 16, 16]);
    const contrast = (views: ReturnType<typeof batch>): number =>
      model.call(views, step).parts?.["contrast"]?.item() ?? Number.NaN;
    const before = contrast({ image, target });
    expect(contrast({ image: image.add(noise), target })).toBe(before);
    expect(contrast({ image, target: target.add(noise) })).not.toBe(before);
  });
});

test("the target begins as a copy and follows: 0.996 of itself and 0.004 of the online network, all through the run", () => {
  using model = build();
  const pairs: [string, string][] = [
    ["blocks.0.attn.qkv.weight", "teacher.encoder.blocks.0.attn.qkv.weight"],
    ["projector.0.weight", "teacher.projector.0.weight"],
  ];
  const of = (name: string): Tensor => model.state().get(name) as Tensor;
  for (const [own, target] of pairs) expect(of(target).toNumbers()).toEqual(of(own).toNumbers());
  noGrad(() =>
    scope(() => {
      const before = pairs.map(([own]) => of(own).clone());
      for (const [own] of pairs) of(own).add_(1);
      model.afterStep(step);
      for (const [i, [, target]] of pairs.entries()) {
        const expected = (before[i] as Tensor).add(0.004);
        expect(of(target).sub(expected).abs().amax([]).item()).toBeLessThan(1e-6);
      }
    }),
  );
  const { momentum } = cmaeConfig.parse({});
  expect([0, 0.5, 1].map((progress) => rampAt(momentum, progress))).toEqual([0.996, 0.996, 0.996]);
});

test("the card's numbers: rows of a unit matrix, and rows that are all alike", () => {
  scope(() => {
    const loss = (rows: Tensor, temperature: number): number =>
      infoNce(rows, rows, { temperature, world: alone }).loss.item();
    expect(loss(eye(4), 1)).toBeCloseTo(1.487337, 5);
    expect(loss(eye(4), 0.07)).toBeLessThan(1e-6);
    expect(loss(full([4096, 2], 1), 0.07)).toBeCloseTo(1.1645, 4);
  });
});

test("tokens take no weight decay, scales of batch norms do, and all else is as usual", () => {
  using model = build();
  const rules = model.parameters().flatMap((parameter) => {
    const rule = model.ruleFor(parameter);
    return rule === undefined ? [] : [`${parameter.name} ${String(rule.decays)}`];
  });
  expect(rules.sort()).toEqual([
    "cls_token false",
    "feature_decoder.mask_token false",
    "mask_token false",
    "predictor.1.weight true",
    "projector.1.weight true",
  ]);
});

test("parts of ViT-B/16 have the sizes of the paper's: decoders of 26.1 and 7.2 million parameters, heads of 1.6 and 0.8", () => {
  const base = (): PatchEncoder => new Vit(vitConfig.parse({ size: "base" }), { imageSize: [224, 224], channels: 3 });
  using model = new Cmae(cmaeConfig.parse({}), base(), base);
  const count = (values: Iterable<Tensor>): number => [...values].reduce((sum, { size }) => sum + size, 0);
  const trained = (part: { parameters(): { tensor: Tensor }[] }): number =>
    count(part.parameters().map(({ tensor }) => tensor));
  const table = 197 * 512; // positions
  expect([
    trained(model.encoder) + 197 * 768,
    trained(model.decoder) + table,
    trained(model.featureDecoder) + table,
  ]).toEqual([85_798_656, 26_109_184, 7_194_880]);
  expect([trained(model.projector) + 1536, trained(model.predictor) + 1536]).toEqual([1_577_472, 791_040]); // biases
});

test("bfloat16 gives nearly the same loss; a batch is not cut", () => {
  using model = build();
  const loss = (): number => scope(() => model.call(batch(), step).total.item());
  const exact = loss();
  expect(Math.abs(autocast("bfloat16", loss) / exact - 1)).toBeLessThan(0.05);
  expect(cmae.couplesBatch(cmaeConfig.parse({}))).toMatch(/negatives/);
});

test("squares that do not fill the grid are refused where the method is built", () => {
  const odd = (): PatchEncoder =>
    new Vit(vitConfig.parse({ width: 16, depth: 1, heads: 2, patchSize: 4 }), { imageSize: [12, 16], channels: 3 });
  using encoder = odd();
  expect(() => new Cmae(cmaeConfig.parse(smallMethod("cmae")), encoder, odd)).toThrow("do not fill a grid of 3 × 4");
});
