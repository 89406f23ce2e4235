import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import { Simclr, simclr, simclrConfig } from "../../../src/methods/siamese/simclr.js";
import { onDevice } from "../../../src/nn/parameter.js";
import { backward } from "../../../src/tensor/grad.js";
import { Rng } from "../../../src/tensor/random.js";
import { checkReference } from "../../../src/train/reference/check.js";
import { leavesNoTensors } from "../../engine/leaks.js";
import { stepOf } from "../../train/example.js";
import { smallEncoder, smallMethod } from "../small.js";

leavesNoTensors();

test.each([
  ["simclr-lars", 40],
  ["simclr-norm", 59],
])("%s: losses, gradients and batch statistics of a public implementation's three steps", (name, gradients) => {
  const parts = checkReference(fileURLToPath(new URL(`../../reference/${name}.safetensors`, import.meta.url)));
  expect(parts.filter(({ passed }) => !passed)).toEqual([]);
  const tensors = Object.fromEntries(parts.map((part) => [part.part, part.tensors]));
  expect(tensors).toMatchObject({ loss: 1, gradients, "losses of three steps": 1 });
  expect(tensors["buffers after three steps"]).toBeGreaterThan(10);
});

const image = { imageSize: [16, 16], channels: 3 } as const;
const samples = Array.from({ length: 8 }, (_, i) => i);
const step = stepOf(new Rng(1, "step", 0, samples));
const pictures = (name: string) => new Rng(2, name, 0, samples).normal([3, 16, 16]);
const batch = () => ({ first: pictures("first"), second: pictures("second") });

function build(changes: object = {}): Simclr {
  const make = () => smallEncoder("resnet", image);
  const model = new Simclr(simclrConfig.parse({ ...smallMethod("simclr"), ...changes }), make(), make);
  model.initialize(new Rng(0, "init"));
  noGrad(() => scope(() => model.begin()));
  model.setTraining(true);
  return model;
}

test("with a target: losses, gradients and steps of the definition, whose last layers alone are averages", () => {
  const path = fileURLToPath(new URL("../../reference/momentum-simclr.safetensors", import.meta.url));
  const parts = checkReference(path);
  expect(parts.filter(({ passed }) => !passed)).toEqual([]);
  const tensors = Object.fromEntries(parts.map((part) => [part.part, part.tensors]));
  expect(tensors).toMatchObject({ loss: 1, gradients: 41, "losses of three steps": 1 });
  expect(tensors["parameters after three steps"]).toBeGreaterThan(40); // the target's too
});

/** Loss of one step and the gradients of all parameters. */
function first(model: Simclr): { loss: number; gradients: [string, number][] } {
  return scope(() => {
    const { total } = model.call(batch(), step);
    backward(total);
    const gradients = model
      .parameters()
      .map(({ name, tensor }): [string, number] => [name, tensor.grad?.norm().item() ?? 0]);
    for (const { tensor } of model.parameters()) tensor.grad = undefined;
    return { loss: total.item(), gradients };
  });
}

test("a target that has not moved gives SimCLR's loss, without the half of its gradient that comes through the keys", () => {
  using paper = build();
  using still = build({ target: { momentum: 0, scope: "projector", route: "shared" } });
  const [both, one] = [first(paper), first(still)];
  expect(one.loss).toBeCloseTo(both.loss, 6);
  const norm = ({ gradients }: typeof one): number => Math.hypot(...gradients.map(([, value]) => value));
  expect(norm(one) / norm(both)).toBeLessThan(0.8);
  expect(norm(one) / norm(both)).toBeGreaterThan(0.2);
  expect([...still.state().keys()].filter((name) => name.startsWith("teacher.encoder."))).toEqual([]);
});

test.each(["projector", "all"] as const)(
  "with momentum 0 a target of scope %s is the student after every step",
  (scope_) => {
    using model = build({ target: { momentum: 0, scope: scope_ } });
    scope(() => {
      backward(model.call(batch(), step).total);
      noGrad(() => {
        for (const { tensor } of model.parameters()) if (tensor.grad !== undefined) tensor.add_(tensor.grad.mul(-0.5));
        model.afterStep(step);
      });
      for (const name of ["encoder.layer1.0.conv1.weight", "projector.3.weight"])
        expect(model.state().get(`teacher.${name}`)?.toNumbers()).toEqual(model.state().get(name)?.toNumbers());
      for (const { tensor } of model.parameters()) tensor.grad = undefined;
    });
  },
);

test("the views may change places, and the batch norms see both at once", () => {
  using model = build();
  scope(() => {
    const { first, second } = batch();
    const loss = (views: { first: typeof first; second: typeof first }): number => model.call(views, step).total.item();
    expect(loss({ first: second, second: first })).toBeCloseTo(loss({ first, second }), 4);
    // One pass moves the running statistics once: a tenth of the way.
    const [before, after] = [0, 1].map((passes) => {
      using fresh = build();
      for (let i = 0; i < passes; i += 1) fresh.call({ first, second }, step);
      return fresh.state().get("projector.1.running_var")?.toNumbers() ?? [];
    });
    expect(before?.every((value) => value === 1)).toBe(true);
    expect(Math.min(...(after ?? []))).toBeGreaterThanOrEqual(0.9 - 1e-6);
    expect(Math.min(...(after ?? []))).toBeLessThan(1);
  });
});

test("the projector of a ResNet-50 is the paper's: 2048 wide, then 128; every layer normalised, the last without a bias", () => {
  const make = () => smallEncoder("resnet", image);
  using model = onDevice("meta", () => new Simclr(simclrConfig.parse({}), make(), make));
  const { width } = model.encoder;
  const keys = [...model.projector.state()].filter(([name]) => !name.includes("running"));
  expect(keys.map(([name, { shape }]) => [name, shape])).toEqual([
    ["0.weight", [width, width]],
    ["1.weight", [width]],
    ["1.bias", [width]],
    ["3.weight", [128, width]],
    ["4.weight", [128]],
  ]);
  using plain = build({ projector: { batchNorm: false } });
  expect([...plain.projector.state().keys()]).toEqual(["0.weight", "0.bias", "2.weight", "2.bias"]);
});

test("both views are drawn alike, the colours by their strength", () => {
  const views = (augmentation: object) =>
    simclr.views(simclr.config.parse({ name: "simclr", augmentation }), image) as Readonly<Record<string, unknown>>;
  const { first, second } = views({});
  expect(first).toEqual(second);
  expect(first).toEqual([
    { type: "randomResizedCrop", size: [16, 16], scale: [0.08, 1], ratio: [3 / 4, 4 / 3], interpolation: "bicubic" },
    { type: "colorJitter", brightness: 0.8, contrast: 0.8, saturation: 0.8, hue: 0.2, probability: 0.8 },
    { type: "grayscale", probability: 0.2 },
    { type: "gaussianBlur", sigma: [0.1, 2], probability: 0.5 },
    { type: "flip", probability: 0.5 },
  ]);
  const weak = JSON.stringify(views({ strength: 0.5, blur: false }));
  expect(weak).toContain('"hue":0.1');
  expect(weak).not.toContain("gaussianBlur");
});

test("what its health watches is logged, and says so of features that are all alike", () => {
  using model = build();
  scope(() => {
    const { parts = {} } = noGrad(() => model.call(batch(), step));
    for (const { name } of model.health().signals) expect(Object.keys(parts)).toContain(name);
    const same = pictures("first").slice(0, 0, 1).repeat([8, 1, 1, 1]);
    const alike = noGrad(() => model.call({ first: same, second: same }, step)).parts ?? {};
    expect(parts["spread"]?.item()).toBeGreaterThan(0.02);
    expect(alike["spread"]?.item()).toBeLessThan(0.02);
  });
});
