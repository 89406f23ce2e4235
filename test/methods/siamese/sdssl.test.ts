import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import { Sdssl, sdsslConfig } from "../../../src/methods/siamese/sdssl.js";
import { blockEncoder } from "../../../src/models/encoder.js";
import { backward } from "../../../src/tensor/grad.js";
import { Rng } from "../../../src/tensor/random.js";
import type { Tensor } from "../../../src/tensor/tensor.js";
import { checkReference } from "../../../src/train/reference/check.js";
import { leavesNoTensors } from "../../engine/leaks.js";
import { stepOf } from "../../train/example.js";
import { smallEncoder, smallMethod } from "../small.js";

leavesNoTensors();

test.each([
  ["sdssl-moco-v3", 279],
  ["sdssl-byol", 279],
  ["sdssl-simclr", 231],
])("%s: losses, gradients, teacher and batch statistics of the official code's three steps", (name, gradients) => {
  const parts = checkReference(fileURLToPath(new URL(`../../reference/${name}.safetensors`, import.meta.url)));
  expect(parts.filter(({ passed }) => !passed)).toEqual([]);
  const tensors = Object.fromEntries(parts.map((part) => [part.part, part.tensors]));
  expect(tensors).toMatchObject({ loss: 1, gradients, "losses of three steps": 1 });
  expect(tensors["buffers after three steps"]).toBeGreaterThan(70);
});

const image = { imageSize: [16, 16], channels: 3 } as const;
const samples = Array.from({ length: 8 }, (_, i) => i);
const stepAt = (progress: number) => ({ ...stepOf(new Rng(1, "step", 0, samples)), progress });
const pictures = (name: string): Tensor => new Rng(2, name, 0, samples).normal([3, 16, 16]);
const batch = () => ({ first: pictures("first"), second: pictures("second") });
const hosts = ["mocoV3", "byol", "simclr"] as const;

function build(changes: object = {}): Sdssl {
  const make = () => {
    const encoder = smallEncoder("vit", image);
    if (!blockEncoder.is(encoder)) throw new TypeError("no blocks");
    return encoder;
  };
  const model = new Sdssl(sdsslConfig.parse({ ...smallMethod("sdssl"), ...changes }), make(), make);
  model.initialize(new Rng(0, "init"));
  noGrad(() => scope(() => model.begin()));
  model.setTraining(true);
  return model;
}

/** The largest gradient below a name. */
function gradientOf(model: Sdssl, name: string): number {
  const own = model.parameters().filter((parameter) => parameter.name.startsWith(name));
  expect(own.length).toBeGreaterThan(0);
  return Math.max(...own.map(({ tensor }) => tensor.grad?.abs().amax([]).item() ?? 0));
}

test.each(hosts)("over %s: λ rises from 0 to the ratio, and with λ = 0 no block before the last is taught", (host) => {
  const losses = [0, 0.5, 1].map((progress) => {
    using model = build({ host, ratio: 0.6 });
    return scope(() => {
      const { total, parts = {} } = model.call(batch(), stepAt(progress));
      backward(total);
      const taught = gradientOf(model, "projectors.0.");
      if (progress === 0) expect(taught).toBe(0);
      else expect(taught).toBeGreaterThan(0);
      expect(gradientOf(model, "projector.")).toBeGreaterThan(0);
      if (host !== "simclr") expect(gradientOf(model, "predictors.0.")).toBeGreaterThan(0); // by the detached loss
      return { total: total.item(), middle: parts["middle"]?.item() ?? 0 };
    });
  });
  const [none, half, whole] = losses.map(({ total }) => total - (losses[0]?.total ?? 0));
  const { middle } = losses[0] ?? { middle: 0 };
  expect(none).toBe(0);
  expect(half).toBeCloseTo(0.3 * middle, 4);
  expect(whole).toBeCloseTo(0.6 * middle, 4);
});

test("the teacher has the encoder and the last projector, begins as their copy, and is what is evaluated", () => {
  using model = build();
  const state = model.state();
  const heads = [...state.keys()].filter((name) => name.startsWith("teacher.") && !name.startsWith("teacher.encoder."));
  expect(new Set(heads.map((name) => name.split(".")[1]))).toEqual(new Set(["projector"]));
  for (const name of heads) expect(state.get(name)?.toNumbers()).toEqual(state.get(name.slice(8))?.toNumbers());
  expect(model.outcome).toBe(model.teacher?.encoder);
  using plain = build({ host: "simclr" });
  expect(plain.outcome).toBe(plain.encoder);
  expect([...plain.state().keys()].some((name) => /^(teacher|predictor)/.test(name))).toBe(false);
});

test("the last projector is as wide as the predictors, the others half as wide", () => {
  using model = build({ hidden: 24 });
  const shape = (name: string) => model.state().get(name)?.shape;
  expect(shape("projector.0.weight")).toEqual([24, 32]);
  expect(shape("projectors.0.0.weight")).toEqual([12, 32]);
  expect(shape("predictor.0.weight")).toEqual([24, 16]);
  expect(shape("predictors.0.0.weight")).toEqual([24, 16]);
});

test.each(hosts)("over %s: what its health watches is logged", (host) => {
  using model = build({ host });
  scope(() => {
    const { parts = {} } = noGrad(() => model.call(batch(), stepAt(0.5)));
    for (const { name } of model.health().signals) expect(Object.keys(parts)).toContain(name);
    expect(model.health().signals.length).toBe(3);
  });
});
