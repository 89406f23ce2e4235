import { expect, test } from "vitest";
import { z } from "zod";
import { sizeAfter } from "../../src/data/views.js";
import { autocast, noGrad } from "../../src/engine/modes.js";
import { liveTensors, scope } from "../../src/engine/scope.js";
import { encodeSafetensors, SafetensorsFile } from "../../src/formats/safetensors.js";
import { buildMethod, methods } from "../../src/methods/index.js";
import { type Batch, defineMethod, type Method, type ReadText } from "../../src/methods/method.js";
import { loadState, rawOf } from "../../src/models/weights.js";
import { AdamW } from "../../src/optim/adamw.js";
import { weightDecayGroups } from "../../src/optim/groups.js";
import { backward } from "../../src/tensor/grad.js";
import { Rng } from "../../src/tensor/random.js";
import { withRandom } from "../../src/tensor/step-random.js";
import { type Tensor, tensor } from "../../src/tensor/tensor.js";
import { textTensor } from "../../src/train/batch.js";
import { stepOf } from "../train/example.js";
import { pairs, smallEncoder, smallMethod } from "./small.js";

/** What is in the lists gets the whole battery by being there. */
const image = { imageSize: [16, 16], channels: 3 } as const;
const battery = pairs(image);
const samples = [0, 1, 2, 3];

const captions = ["a cat", "two dogs", "a red car", "the sea"];

const configOf = (name: string) => {
  const spec = methods.get(name);
  return spec.settle(spec.config.parse(smallMethod(name)), { captions });
};

function build(name: string, model: string, seed: number): Method {
  const method = buildMethod(configOf(name), () => smallEncoder(model, image));
  method.initialize(new Rng(seed, "init"));
  noGrad(() => scope(() => method.begin?.()));
  method.setTraining(true);
  return method;
}

/** Noise in every view that the method asks for, at its size; labels and texts where it asks for them. */
function batch(name: string): Batch {
  const rng = new Rng(9, "pictures", 0, samples);
  const spec = methods.get(name);
  const views = Object.entries(spec.views(configOf(name), image)).map(([view, steps]): [string, Tensor] => {
    const { height, width } = sizeAfter("transform" in steps ? steps.transform : steps, undefined) ?? {
      height: 16,
      width: 16,
    };
    return [view, rng.fork(view).normal([3, height, width])];
  });
  const label = (): Tensor => tensor(BigInt64Array.from([0n, 1n, 2n, 0n]), [4]);
  const text = (): Tensor => textTensor(captions, spec.readText(configOf(name)) as ReadText);
  const columns = { label, text };
  return Object.fromEntries([...views, ...spec.columns.map((name) => [name, columns[name]()] as const)]);
}

const step = stepOf(new Rng(1, "step", 0, samples));
const forward = (method: Method, name: string) =>
  withRandom(step.rng.fork("layers"), () => method.call(batch(name), step));

test.each(battery)(
  "%s of %s: a scalar loss, and a gradient for every parameter, in float32 and bfloat16",
  (name, model) => {
    for (const dtype of ["float32", "bfloat16"] as const) {
      using method = build(name, model, 0);
      scope(() => {
        const { total } = autocast(dtype, () => forward(method, name));
        expect([total.shape, total.dtype]).toEqual([[], "float32"]);
        backward(total);
        const without = method.parameters().filter(({ tensor: value }) => value.grad === undefined);
        expect(without.map(({ name: key }) => key)).toEqual([]);
      });
    }
  },
);

test.each(battery)("%s of %s: the loss of four pictures falls", (name, model) => {
  using method = build(name, model, 0);
  using optimizer = new AdamW(weightDecayGroups(method.parameters(), 0.05), { betas: [0.9, 0.95], epsilon: 1e-8 });
  const losses: number[] = [];
  const falls = method.health().loss === "falls";
  const hasFallen = (): boolean => (losses.at(-1) ?? Number.POSITIVE_INFINITY) < 0.6 * (losses[0] ?? 0);
  const hasMoved = (): boolean => losses.length >= 8 && Math.abs((losses.at(-1) ?? 0) - (losses[0] ?? 0)) > 0.01;
  const train = (): number =>
    scope(() => {
      optimizer.zeroGrad();
      const { total } = forward(method, name);
      backward(total);
      optimizer.step(2e-3);
      method.afterStep?.(step);
      return total.item();
    });
  // A queue of the same four pictures' keys holds every picture's own among its negatives: such a loss only moves.
  const enough = falls ? hasFallen : hasMoved;
  while (!enough() && losses.length < 160) losses.push(train()); // absolute errors fall slowest
  expect(enough(), losses.join(" ")).toBe(true);
});

test.each(battery)("%s of %s: saved, loaded, the same", (name, model) => {
  using from = build(name, model, 1);
  using to = build(name, model, 2);
  const file = SafetensorsFile.fromBytes(
    encodeSafetensors([...from.state()].map(([key, value]) => [key, rawOf(value)] as const)),
  );
  loadState(to.state(), file);
  scope(() => expect(forward(to, name).total.item()).toBe(forward(from, name).total.item()));
});

test.each(battery)("%s of %s: its pictures have the size of its input", (name, model) => {
  using method = build(name, model, 1);
  scope(() => {
    const made = method.reconstruct?.(new Rng(9, "pictures", 0, samples).normal([3, 16, 16]), step);
    if (made !== undefined)
      expect([made.masked.shape, made.rebuilt.shape, made.predicted.shape]).toEqual(
        Array.from({ length: 3 }, () => [4, 3, 16, 16]),
      );
  });
});

test.each(battery)(
  "%s of %s: what its health watches is among what it logs, and its features are vectors",
  (name, model) => {
    using method = build(name, model, 1);
    scope(() => {
      const parts = Object.keys(forward(method, name).parts ?? {});
      const watched = method.health().signals.map((signal) => signal.name.replace(/^heldOut\./, ""));
      expect(parts).toEqual(expect.arrayContaining(watched));
      method.setTraining(false);
      expect(method.features(new Rng(9, "x", 0, samples).normal([3, 16, 16])).shape).toEqual([4, method.encoder.width]);
    });
  },
);

test("an encoder that a method cannot train is refused by name, and freed", () => {
  const spec = defineMethod({
    name: "silent",
    config: z.strictObject({ name: z.literal("silent").default("silent") }),
    encoders: { what: "an encoder of sound", is: (encoder): encoder is never => encoder.width < 0 },
    views: () => ({ image: [] }),
    build: (_, makeEncoder) => makeEncoder(),
  });
  const before = liveTensors();
  expect(() => spec.build({ name: "silent" }, () => smallEncoder("vit", image))).toThrow(
    "silent trains an encoder of sound, and Vit is none",
  );
  expect(liveTensors()).toBe(before);
});
