import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import type { Batch } from "../../../src/methods/method.js";
import type { CropName } from "../../../src/methods/parts/multi-crop.js";
import { Swav, swav, swavConfig } from "../../../src/methods/siamese/swav.js";
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
  ["swav-crops", 43, 43],
  ["swav-queue", 58, 60],
])("%s: losses, gradients, prototypes and queues of the official loop's three steps", (name, gradients, parameters) => {
  const parts = checkReference(fileURLToPath(new URL(`../../reference/${name}.safetensors`, import.meta.url)));
  expect(parts.filter(({ passed }) => !passed)).toEqual([]);
  const tensors = Object.fromEntries(parts.map((part) => [part.part, part.tensors]));
  expect(tensors).toMatchObject({ loss: 1, gradients, "losses of three steps": 1 });
  expect(tensors["parameters after three steps"]).toBe(parameters);
});

const image = { imageSize: [16, 16], channels: 3 } as const;
const samples = [0, 1, 2, 3];
const stepAt = (index: number, epoch = 0) => ({ ...stepOf(new Rng(1, "step", 0, samples)), index, epoch });

function build(changes: object = {}): Swav {
  const model = new Swav(swavConfig.parse({ ...smallMethod("swav"), ...changes }), smallEncoder("resnet", image));
  model.initialize(new Rng(0, "init"));
  model.setTraining(true);
  return model;
}

/** Crops of four pictures, which have a colour of their own. */
function batch(kind = 0): Batch<CropName> {
  const colour = new Rng(2, `colour ${kind}`, 0, samples).normal([3, 1, 1]);
  const crop = (name: string, side: number): Tensor =>
    colour.add(new Rng(2, name, 0, samples).normal([3, side, side]).mul(0.3));
  const [global1, global2] = [crop("global1", 16), crop("global2", 16)];
  return { global1, global2, local1: crop("local1", 8), local2: crop("local2", 8) };
}

const lengths = (model: Swav): number[] =>
  scope(() => {
    const weight = model.prototypes.weight.detach();
    return weight.mul(weight).sum([1]).sqrt().toNumbers();
  });
const rowsIn = (model: Swav, i: number): number =>
  scope(() => model.queues[i]?.keys.abs().sum([1]).gt(0).float().sum().item() ?? 0);

test("prototypes have the length 1 at each forward pass in training; evaluation changes nothing", () => {
  using model = build();
  scope(() => {
    expect(lengths(model).some((length) => Math.abs(length - 1) > 1e-3)).toBe(true);
    model.setTraining(false);
    const before = model.prototypes.weight.toNumbers();
    const judged = model.call(batch(), stepAt(0)).total.item();
    expect(model.prototypes.weight.toNumbers()).toEqual(before);
    expect(Number.isFinite(judged)).toBe(true);
    model.setTraining(true);
    model.call(batch(), stepAt(0));
    for (const length of lengths(model)) expect(length).toBeCloseTo(1, 5);
  });
});

test("frozen prototypes have no gradient at the update, decay included; later they have one", () => {
  using model = build({ frozenSteps: 2 });
  const gradientAt = (index: number): boolean =>
    scope(() => {
      backward(model.call(batch(), stepAt(index)).total);
      noGrad(() => model.beforeUpdate(stepAt(index)));
      const has = model.prototypes.weight.grad !== undefined;
      for (const { tensor } of model.parameters()) tensor.grad = undefined;
      return has;
    });
  expect([0, 1, 2].map(gradientAt)).toEqual([false, false, true]);
});

test("the queue fills from its epoch on, one of each large crop, and counts once it is full", () => {
  using model = build({ queue: { length: 8, fromEpoch: 1 } });
  const lossAt = (index: number, epoch: number, kind = 0): number =>
    scope(() => model.call(batch(kind), stepAt(index, epoch)).total.item());
  const [first, other] = [lossAt(0, 0), lossAt(0, 0, 1)];
  expect([rowsIn(model, 0), rowsIn(model, 1)]).toEqual([0, 0]);
  expect(lossAt(1, 1)).toBeCloseTo(first, 5); // empty
  expect([rowsIn(model, 0), rowsIn(model, 1)]).toEqual([4, 4]);
  expect(lossAt(2, 1, 1)).toBeCloseTo(other, 5); // half full
  expect([rowsIn(model, 0), rowsIn(model, 1)]).toEqual([8, 8]);
  expect(Math.abs(lossAt(3, 1) - first)).toBeGreaterThan(1e-4);
  const [one, two] = model.queues.map(({ keys }) => keys.toNumbers());
  expect(one).not.toEqual(two);
});

test("it learns to predict codes from other crops, and a uniform prediction would be seen", () => {
  using model = build({ queue: { length: 0 } });
  using optimizer = new AdamW(weightDecayGroups(model.parameters(), 0), { betas: [0.9, 0.999], epsilon: 1e-8 });
  const seen = Array.from({ length: 60 }, (_, index) =>
    scope(() => {
      optimizer.zeroGrad();
      const { total, parts } = model.call(batch(), stepAt(index));
      backward(total);
      optimizer.step(2e-3);
      optimizer.zeroGrad();
      return { loss: total.item(), information: parts?.["information"]?.item() ?? 0 };
    }),
  );
  expect(seen.at(-1)?.loss).toBeLessThan(0.6 * (seen[0]?.loss ?? 0));
  expect(seen.at(-1)?.information).toBeGreaterThan(0.5);
  noGrad(() => scope(() => void (model.projector.state().get("3.weight") as Tensor).mul_(0)));
  noGrad(() => scope(() => void (model.projector.state().get("3.bias") as Tensor).mul_(0)));
  scope(() => {
    const { parts } = model.call(batch(), stepAt(60));
    expect(parts?.["uniformity"]?.item()).toBeCloseTo(1, 4);
    expect(parts?.["information"]?.item()).toBeCloseTo(0, 4);
  });
});

test("views, small ones that do not fit, and why the batch stays whole", () => {
  const config = swav.config.parse({ name: "swav" });
  expect(Object.keys(swav.views(config, { imageSize: [224, 224], channels: 3 }))).toHaveLength(8);
  expect(swav.couplesBatch(config)).toContain("codes");
  const tooSmall = swav.config.parse({ ...smallMethod("swav"), augmentation: { locals: 1, localSize: 6 } });
  expect(() => swav.build(tooSmall, () => smallEncoder("vit", image))).toThrow("localSize to 8");
});
