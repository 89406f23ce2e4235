import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import { Simsiam, simsiam, simsiamConfig } from "../../../src/methods/siamese/simsiam.js";
import { backward } from "../../../src/tensor/grad.js";
import { Rng } from "../../../src/tensor/random.js";
import type { Tensor } from "../../../src/tensor/tensor.js";
import { checkReference } from "../../../src/train/reference/check.js";
import { leavesNoTensors } from "../../engine/leaks.js";
import { stepOf } from "../../train/example.js";
import { smallEncoder, smallMethod } from "../small.js";

leavesNoTensors();

test.each([
  ["simsiam-basic", 48],
  ["simsiam-bottleneck", 63],
])("%s: losses, gradients and batch statistics of the official code's three steps", (name, gradients) => {
  const parts = checkReference(fileURLToPath(new URL(`../../reference/${name}.safetensors`, import.meta.url)));
  expect(parts.filter(({ passed }) => !passed)).toEqual([]);
  const tensors = Object.fromEntries(parts.map((part) => [part.part, part.tensors]));
  expect(tensors).toMatchObject({ loss: 1, gradients, "losses of three steps": 1 });
  expect(tensors["buffers after three steps"]).toBeGreaterThan(10);
});

const image = { imageSize: [16, 16], channels: 3 } as const;
const samples = Array.from({ length: 8 }, (_, i) => i);
const step = stepOf(new Rng(1, "step", 0, samples));
const pictures = (name: string): Tensor => new Rng(2, name, 0, samples).normal([3, 16, 16]);
const batch = () => ({ first: pictures("first"), second: pictures("second") });

function build(changes: object = {}): Simsiam {
  const model = new Simsiam(
    simsiamConfig.parse({ ...smallMethod("simsiam"), ...changes }),
    smallEncoder("resnet", image),
  );
  model.initialize(new Rng(0, "init"));
  model.setTraining(true);
  return model;
}

/** The loss, and all gradients of the encoder in a row. */
function trained(changes: object): { loss: number; gradients: number[] } {
  using model = build(changes);
  return scope(() => {
    const { total } = model.call(batch(), step);
    backward(total);
    const gradients = model
      .parameters()
      .flatMap(({ name, tensor }) => (name.startsWith("encoder.") ? (tensor.grad?.toNumbers() ?? []) : []));
    return { loss: total.item(), gradients };
  });
}

const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0);

test("the stop-gradient changes no loss, and the gradient", () => {
  const [withIt, without] = [trained({}), trained({ stopGradient: false })];
  expect(withIt.loss).toBe(without.loss);
  expect(withIt.gradients).not.toEqual(without.gradients);
});

test("without a predictor the stop-gradient halves the gradient (paper, section 4.2)", () => {
  const none = { predictor: { layers: 0 } };
  const [withIt, without] = [trained(none), trained({ ...none, stopGradient: false })];
  const [a, b] = [withIt.gradients, without.gradients];
  expect(Math.sqrt(dot(b, b) / dot(a, a))).toBeCloseTo(2, 4);
  expect(dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))).toBeCloseTo(1, 5);
});

test("the heads of a ResNet-50 have the official code's parameters", () => {
  using model = new Simsiam(simsiamConfig.parse({}), {
    ...{ width: 2048, pools: ["mean"], state: () => new Map() },
    close: () => undefined,
  } as unknown as ReturnType<typeof smallEncoder>);
  const count = (module: { state(): ReadonlyMap<string, Tensor> }): number =>
    [...module.state()].reduce((sum, [name, { size }]) => sum + (/running|num_batches/.test(name) ? 0 : size), 0);
  expect(count(model.projector)).toBe(12_593_152 - 2048); // without the bias that is never trained
  expect(count(model.predictor)).toBe(2_100_224);
});

test("decay acts on every tensor; the predictor's rate alone does not fall", () => {
  using model = build();
  const rules = model
    .parameters()
    .map((parameter) => [parameter.name.split(".")[0], model.ruleFor(parameter)] as const);
  for (const [part, rule] of rules) expect(rule).toEqual({ decays: true, constantRate: part === "predictor" });
  using falling = build({ predictor: { constantRate: false } });
  expect(falling.parameters().some((parameter) => falling.ruleFor(parameter).constantRate)).toBe(false);
});

test("both views are drawn alike, and blurred where pictures are large enough", () => {
  const config = (augmentation: object) => simsiam.config.parse({ name: "simsiam", augmentation });
  const { first, second } = simsiam.views(config({}), image);
  expect(first).toEqual(second);
  expect(JSON.stringify(first)).toContain('"saturation":0.4');
  expect(JSON.stringify(first)).toContain("gaussianBlur");
  expect(JSON.stringify(simsiam.views(config({ blur: false }), image))).not.toContain("gaussianBlur");
});

test("what its health watches is logged, and says so of features that are all alike", () => {
  using model = build();
  scope(() => {
    const { parts = {} } = noGrad(() => model.call(batch(), step));
    for (const { name } of model.health().signals) expect(Object.keys(parts)).toContain(name);
    const [likeness, spread] = [parts["likeness"]?.item() ?? 1, parts["spread"]?.item() ?? 0];
    expect(likeness).toBeLessThan(0.5);
    expect(spread).toBeGreaterThan(0.02);
  });
});
