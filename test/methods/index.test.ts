import { expect, test } from "vitest";
import { autocast, noGrad } from "../../src/engine/modes.js";
import { scope } from "../../src/engine/scope.js";
import { encodeSafetensors, SafetensorsFile } from "../../src/formats/safetensors.js";
import { buildMethod, methodConfig, methods } from "../../src/methods/index.js";
import type { Method } from "../../src/methods/method.js";
import { Vit, vitConfig } from "../../src/models/vit.js";
import { loadState, rawOf } from "../../src/models/weights.js";
import { AdamW } from "../../src/optim/adamw.js";
import { weightDecayGroups } from "../../src/optim/groups.js";
import { backward } from "../../src/tensor/grad.js";
import { Rng } from "../../src/tensor/random.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { stepOf } from "../train/example.js";

/** What is in the list gets the whole battery by being there. */
const names = methods.names();
const image = { imageSize: [16, 16], channels: 3 } as const;
const decoder = { width: 32, depth: 1, heads: 2 };

function build(name: string, seed: number): Method {
  const vit = vitConfig.parse({ width: 32, depth: 2, heads: 2, patchSize: 4 });
  const method = buildMethod(methodConfig.parse({ name, decoder }), () => new Vit(vit, image));
  method.initialize(new Rng(seed, "init"));
  noGrad(() => scope(() => method.begin?.()));
  method.setTraining(true);
  return method;
}

function views(name: string): Record<"image", Tensor> {
  const rng = new Rng(9, "pictures", 0, [0, 1, 2, 3]);
  const asked = Object.keys(methods.get(name).views(methodConfig.parse({ name }), image));
  return Object.fromEntries(asked.map((view) => [view, rng.fork(view).normal([3, 16, 16])])) as Record<"image", Tensor>;
}
const step = stepOf(new Rng(1, "step", 0, [0, 1, 2, 3]));

test.each(names)("%s: a scalar loss, and a gradient for every parameter, in float32 and bfloat16", (name) => {
  for (const dtype of ["float32", "bfloat16"] as const) {
    using method = build(name, 0);
    scope(() => {
      const { total } = autocast(dtype, () => method.call(views(name), step));
      expect([total.shape, total.dtype]).toEqual([[], "float32"]);
      backward(total);
      expect(
        method
          .parameters()
          .filter(({ tensor }) => tensor.grad === undefined)
          .map(({ name: key }) => key),
      ).toEqual([]);
    });
  }
});

test.each(names)("%s: the loss of four pictures falls", (name) => {
  using method = build(name, 0);
  const optimizer = new AdamW(weightDecayGroups(method.parameters(), 0.05), { betas: [0.9, 0.95], epsilon: 1e-8 });
  const losses = Array.from({ length: 40 }, () =>
    scope(() => {
      optimizer.zeroGrad();
      const { total } = method.call(views(name), step);
      backward(total);
      optimizer.step(2e-3);
      return total.item();
    }),
  );
  optimizer.close();
  expect(losses.at(-1)).toBeLessThan(0.6 * (losses[0] ?? 0));
});

test.each(names)("%s: saved, loaded, the same", (name) => {
  using from = build(name, 1);
  using to = build(name, 2);
  const file = SafetensorsFile.fromBytes(
    encodeSafetensors([...from.state()].map(([key, value]) => [key, rawOf(value)] as const)),
  );
  loadState(to.state(), file);
  scope(() => expect(to.call(views(name), step).total.item()).toBe(from.call(views(name), step).total.item()));
});

test.each(names)("%s: its pictures have the size of its input", (name) => {
  using method = build(name, 1);
  scope(() => {
    const made = method.reconstruct?.(views(name).image, step);
    if (made !== undefined)
      expect([made.masked.shape, made.rebuilt.shape, made.predicted.shape]).toEqual(
        Array.from({ length: 3 }, () => [4, 3, 16, 16]),
      );
  });
});
