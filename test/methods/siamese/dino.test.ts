import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import type { Batch } from "../../../src/methods/method.js";
import type { CropName } from "../../../src/methods/parts/multi-crop.js";
import { Dino, dino, dinoConfig } from "../../../src/methods/siamese/dino.js";
import { AdamW } from "../../../src/optim/adamw.js";
import { weightDecayGroups } from "../../../src/optim/groups.js";
import { backward } from "../../../src/tensor/grad.js";
import { Rng } from "../../../src/tensor/random.js";
import type { Tensor } from "../../../src/tensor/tensor.js";
import { checkReference } from "../../../src/train/reference/check.js";
import { leavesNoTensors } from "../../engine/leaks.js";
import { stepOf } from "../../train/example.js";
import { smallEncoder, smallMethod } from "../small.js";

leavesNoTensors();

test.each([
  ["dino-vit", 38, 77],
  ["dino-crops", 39, 81],
  ["dino-resnet", 43, 89],
])("%s: losses, gradients, teacher and centre of the official code's three steps", (name, gradients, parameters) => {
  const parts = checkReference(fileURLToPath(new URL(`../../reference/${name}.safetensors`, import.meta.url)));
  expect(parts.filter(({ passed }) => !passed)).toEqual([]);
  const tensors = Object.fromEntries(parts.map((part) => [part.part, part.tensors]));
  expect(tensors).toMatchObject({ loss: 1, gradients, "losses of three steps": 1 });
  expect(tensors["parameters after three steps"]).toBe(parameters);
});

const image = { imageSize: [16, 16], channels: 3 } as const;
const samples = [0, 1, 2, 3];
const step = stepOf(new Rng(1, "step", 0, samples));

function build(changes: object = {}): Dino {
  const make = () => smallEncoder("vit", image);
  const model = new Dino(dinoConfig.parse({ ...smallMethod("dino"), ...changes }), make(), make);
  model.initialize(new Rng(0, "init"));
  noGrad(() => scope(() => model.begin()));
  model.setTraining(true);
  return model;
}

/** Crops of four pictures, which have a colour of their own. */
function batch(): Batch<CropName> {
  const colour = new Rng(2, "colour", 0, samples).normal([3, 1, 1]);
  const crop = (name: string, side: number): Tensor =>
    colour.add(new Rng(2, name, 0, samples).normal([3, side, side]).mul(0.3));
  const [global1, global2] = [crop("global1", 16), crop("global2", 16)];
  return { global1, global2, local1: crop("local1", 8), local2: crop("local2", 8) };
}

test("the teacher sees the large crops alone, and no gradient reaches it", () => {
  using model = build();
  scope(() => {
    const seen: number[] = [];
    const { encoder } = model.teacher;
    const features = encoder.features.bind(encoder);
    encoder.features = (given, pool) => {
      seen.push(given.side(2), given.side(0));
      return features(given, pool);
    };
    backward(model.call(batch(), step).total);
    expect(seen).toEqual([16, 8]);
  });
  expect(new Set(model.parameters().map(({ name }) => name.split(".")[0]))).toEqual(new Set(["encoder", "projector"]));
  expect([...model.teacher.state().values()].every(({ grad }) => grad === undefined)).toBe(true);
});

test("the centre moves in training, after it has been used, and not in evaluation", () => {
  using model = build({ centreMomentum: 0.75 });
  const centre = (): number[] => model.centre.toNumbers();
  scope(() => {
    const fresh = model.call(batch(), step).total.item();
    const once = centre();
    expect(once.some((value) => value !== 0)).toBe(true);
    model.setTraining(false);
    const moved = model.call(batch(), step).total.item();
    expect(moved).not.toBeCloseTo(fresh, 6);
    expect(centre()).toEqual(once);
    model.setTraining(true);
    model.call(batch(), step);
    // The same batch and teacher: the mean m gives 0.25 m, then 0.75 · 0.25 m + 0.25 m.
    for (const [i, value] of centre().entries()) expect(value).toBeCloseTo(1.75 * (once[i] ?? Number.NaN), 6);
  });
});

test("a frozen last layer keeps its bits, decay included, and its rows their length when it is trained", () => {
  using model = build({ projector: { hidden: 32, bottleneck: 16, frozenEpochs: 1 } });
  using optimizer = new AdamW(weightDecayGroups(model.parameters(), 0.5), { betas: [0.9, 0.999], epsilon: 1e-8 });
  const value = (name: string): Tensor => model.state().get(`projector.last_layer.${name}`) as Tensor;
  const train = (epoch: number): void =>
    scope(() => {
      const at = { ...step, epoch };
      optimizer.zeroGrad();
      backward(model.call(batch(), at).total);
      noGrad(() => model.beforeUpdate(at, model.parameters()));
      optimizer.step(1e-2);
      optimizer.zeroGrad();
    });
  const before = value("weight_v").toNumbers();
  train(0);
  expect(value("weight_v").toNumbers()).toEqual(before);
  train(1);
  expect(value("weight_v").toNumbers()).not.toEqual(before);
  expect(
    value("weight_g")
      .toNumbers()
      .every((length) => length === 1),
  ).toBe(true);
});

test("what is kept is the teacher, and it begins as its student", () => {
  using model = build();
  expect(model.outcome).toBe(model.teacher.encoder);
  expect(model.outcome).not.toBe(model.encoder);
  scope(() => {
    const { global1 } = batch();
    model.setTraining(false);
    const features = (): number[] => model.features(global1 as Tensor).toNumbers();
    const first = features();
    expect(first).toEqual(model.encoder.features(global1 as Tensor, "class").toNumbers());
    noGrad(() => void (model.encoder.state().get("cls_token") as Tensor).add_(1));
    expect(features()).toEqual(first);
    model.afterStep({ ...step, progress: 0 });
    expect(features()).not.toEqual(first);
  });
});

test("it learns what the crops of a picture have in common, and no collapse is seen", () => {
  using model = build({ momentum: 0.9, clipNorm: 0 });
  using optimizer = new AdamW(weightDecayGroups(model.parameters(), 0), { betas: [0.9, 0.999], epsilon: 1e-8 });
  const seen = Array.from({ length: 60 }, () =>
    scope(() => {
      optimizer.zeroGrad();
      const { total, parts } = model.call(batch(), step);
      backward(total);
      optimizer.step(2e-3);
      optimizer.zeroGrad();
      model.afterStep(step);
      return { divergence: parts?.["divergence"]?.item() ?? 0, information: parts?.["information"]?.item() ?? 0 };
    }),
  );
  expect(seen.at(-1)?.divergence).toBeLessThan(0.3 * (seen[0]?.divergence ?? 0));
  expect(seen.at(-1)?.information).toBeGreaterThan(0.5);
});

test("views, small ones that do not fit, and why the batch stays whole", () => {
  const config = dino.config.parse({ name: "dino", augmentation: { locals: 10 } });
  expect(Object.keys(dino.views(config, { imageSize: [224, 224], channels: 3 }))).toHaveLength(12);
  expect(dino.couplesBatch(config)).toContain("centre");
  const tooSmall = dino.config.parse({ ...smallMethod("dino"), augmentation: { locals: 1, localSize: 6 } });
  expect(() => dino.build(tooSmall, () => smallEncoder("vit", image))).toThrow("localSize to 8");
  expect(() => dino.config.parse({ name: "dino", momentum: 1.5 })).toThrow("between 0 and 1");
});
