import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import type { Loss } from "../../../src/methods/method.js";
import { MocoV2Plus, mocoV2Plus, mocoV2PlusConfig } from "../../../src/methods/siamese/moco-v2-plus.js";
import { backward } from "../../../src/tensor/grad.js";
import { Rng } from "../../../src/tensor/random.js";
import type { Tensor } from "../../../src/tensor/tensor.js";
import { checkReference } from "../../../src/train/reference/check.js";
import { leavesNoTensors } from "../../engine/leaks.js";
import { stepOf } from "../../train/example.js";
import { smallEncoder, smallMethod } from "../small.js";

leavesNoTensors();

test.each([
  ["moco-v2-plus-queue", 46],
  ["moco-v2-plus-alike", 44],
  ["moco-v2-plus-cosine", 46],
])(
  "%s: losses, gradients, target, queue and batch statistics of the official code's three steps",
  (name, gradients) => {
    const parts = checkReference(fileURLToPath(new URL(`../../reference/${name}.safetensors`, import.meta.url)));
    expect(parts.filter(({ passed }) => !passed)).toEqual([]);
    const tensors = Object.fromEntries(parts.map((part) => [part.part, part.tensors]));
    expect(tensors).toMatchObject({ loss: 1, gradients, "losses of three steps": 1 });
    expect(tensors["parameters after three steps"]).toBeGreaterThan(gradients); // the target's too
    expect(tensors["buffers after three steps"]).toBeGreaterThan(20);
  },
);

const image = { imageSize: [16, 16], channels: 3 } as const;
const samples = [0, 1, 2, 3, 4];
const stepAt = (index: number, seed = 1) => ({ ...stepOf(new Rng(seed, "step", 0, samples)), index });
const pictures = (name: string): Tensor => new Rng(2, name, 0, samples).normal([3, 16, 16]);
const batch = () => ({ first: pictures("first"), second: pictures("second") });

function build(changes: object = {}): MocoV2Plus {
  const make = () => smallEncoder("resnet", image);
  const model = new MocoV2Plus(mocoV2PlusConfig.parse({ ...smallMethod("mocoV2Plus"), ...changes }), make(), make);
  model.initialize(new Rng(0, "init"));
  noGrad(() => scope(() => model.begin()));
  model.setTraining(true);
  return model;
}

const lossOf = (model: MocoV2Plus, views = batch(), step = stepAt(0)): Loss => noGrad(() => model.call(views, step));
const keysOf = (model: MocoV2Plus): number[][] => {
  const numbers = model.queue?.keys.toNumbers() ?? [];
  return Array.from({ length: 24 }, (_, i) => numbers.slice(16 * i, 16 * (i + 1)));
};

test("branches that are alike agree wholly on two equal views; with a predictor on one of them they do not", () => {
  const positive = (on: "online" | "both"): number => {
    using model = build({ predictor: { on, hidden: 32 } });
    return scope(() => {
      const { first } = batch();
      return lossOf(model, { first, second: first }).parts?.["positive"]?.item() ?? Number.NaN;
    });
  };
  expect(positive("both")).toBeCloseTo(1, 5);
  expect(positive("online")).toBeLessThan(0.9);
});

test("the cosine loss is nought where both branches are alike and see the same; it has no queue and no negatives", () => {
  using model = build({ loss: "cosine", predictor: { on: "both", hidden: 32 } });
  scope(() => {
    const { first } = batch();
    const { total, parts = {} } = lossOf(model, { first, second: first });
    expect(total.item()).toBeCloseTo(0, 5);
    expect(Object.keys(parts).sort()).toEqual(["dimensions", "likeness", "spread"]);
  });
  expect([...model.state().keys()].filter((name) => name.startsWith("queue"))).toEqual([]);
});

test("the queue wraps round where the batch does not divide it; exactly the batch's rows change", () => {
  using model = build({ enqueue: "first" });
  const changed = (index: number): number[] => {
    const before = keysOf(model);
    scope(() => void lossOf(model, batch(), stepAt(index)));
    return keysOf(model).flatMap((row, i) => (row.join() === before[i]?.join() ? [] : [i]));
  };
  expect(changed(0)).toEqual([0, 1, 2, 3, 4]);
  expect(changed(4)).toEqual([0, 20, 21, 22, 23]);
});

test("keys of one view, the other or both join it; a toss says which, anew at each step", () => {
  const after = (enqueue: string, seed = 1): string => {
    using model = build({ enqueue });
    scope(() => void lossOf(model, batch(), stepAt(0, seed)));
    return keysOf(model)
      .slice(0, 5)
      .map((row) => row.map((value) => value.toFixed(4)).join())
      .join();
  };
  const [first, second] = [after("first"), after("second")];
  expect(first).not.toBe(second);
  expect(after("both")).toBe(first); // the second view's stand behind them
  const tossed = [1, 2, 3, 4, 5, 6, 7, 8].map((seed) => after("random", seed));
  expect(new Set(tossed)).toEqual(new Set([first, second]));
});

test("without a queue the batch's other keys are the negatives: ln B for a model that tells nothing apart, twice", () => {
  using model = build({ queue: 0, temperature: 1e6 });
  scope(() => expect(lossOf(model).total.item()).toBeCloseTo(2 * Math.log(5), 4));
  expect(model.queue).toBeUndefined();
});

test("no gradient reaches the target, which has a predictor only where both branches are alike; it follows by 1 − m", () => {
  for (const on of ["online", "both"] as const) {
    using model = build({ predictor: { on, hidden: 32 }, momentum: { from: 0.8, to: 1 } });
    scope(() => {
      backward(model.call(batch(), stepAt(0)).total);
      const teacher = [...model.state()].filter(([name]) => name.startsWith("teacher."));
      expect(teacher.filter(([, value]) => value.grad !== undefined)).toEqual([]);
      expect(teacher.filter(([name]) => name.includes("projector.7."))).toHaveLength(on === "both" ? 1 : 0);
      const last = model.state().get("projector.3.weight") as Tensor;
      const own = model.state().get("teacher.projector.3.weight") as Tensor;
      const before = own.toNumbers();
      noGrad(() => {
        last.add_(1);
        model.afterStep({ ...stepAt(0), progress: 0.5 }); // m = 0.9
      });
      for (const [i, value] of own.toNumbers().entries()) expect(value).toBeCloseTo((before[i] ?? 0) + 0.1, 5);
      for (const { tensor } of model.parameters()) tensor.grad = undefined;
    });
  }
});

test("what its health watches is logged, whatever the loss; decay acts on every tensor", () => {
  for (const loss of ["infoNce", "cosine"] as const) {
    using model = build({ loss });
    scope(() => {
      const { parts = {} } = lossOf(model);
      for (const { name } of model.health().signals) expect(Object.keys(parts)).toContain(name);
    });
    expect(model.ruleFor()).toEqual({ decays: true });
  }
});

test("either framework has either pair of views", () => {
  const views = (augmentation: object) => mocoV2Plus.views(mocoV2PlusConfig.parse({ augmentation }), image);
  expect(JSON.stringify(views({}))).not.toContain("solarize");
  expect(JSON.stringify(views({ pair: "byol" })["second"])).toContain("solarize");
});
