import { fileURLToPath } from "node:url";
import { expect, test, vi } from "vitest";
import { noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import { Byol, byol, byolConfig } from "../../../src/methods/siamese/byol.js";
import { backward } from "../../../src/tensor/grad.js";
import { Rng } from "../../../src/tensor/random.js";
import type { Tensor } from "../../../src/tensor/tensor.js";
import { checkReference } from "../../../src/train/reference/check.js";
import { leavesNoTensors } from "../../engine/leaks.js";
import { stepOf } from "../../train/example.js";
import { smallEncoder, smallMethod } from "../small.js";

leavesNoTensors();

test.each([
  ["byol-lars", 44],
  ["byol-sgd", 59],
])("%s: losses, gradients, target and batch statistics of a public implementation's three steps", (name, gradients) => {
  const parts = checkReference(fileURLToPath(new URL(`../../reference/${name}.safetensors`, import.meta.url)));
  expect(parts.filter(({ passed }) => !passed)).toEqual([]);
  const tensors = Object.fromEntries(parts.map((part) => [part.part, part.tensors]));
  expect(tensors).toMatchObject({ loss: 1, gradients, "losses of three steps": 1 });
  expect(tensors["parameters after three steps"]).toBeGreaterThan(gradients); // the target's too
  expect(tensors["buffers after three steps"]).toBeGreaterThan(20);
});

const image = { imageSize: [16, 16], channels: 3 } as const;
const samples = Array.from({ length: 8 }, (_, i) => i);
const step = stepOf(new Rng(1, "step", 0, samples));
const pictures = (name: string): Tensor => new Rng(2, name, 0, samples).normal([3, 16, 16]);
const batch = () => ({ first: pictures("first"), second: pictures("second") });

function build(changes: object = {}): Byol {
  const make = () => smallEncoder("resnet", image);
  const model = new Byol(byolConfig.parse({ ...smallMethod("byol"), ...changes }), make(), make);
  model.initialize(new Rng(0, "init"));
  noGrad(() => scope(() => model.begin()));
  model.setTraining(true);
  return model;
}

test("the loss is nought where every prediction meets its target", () => {
  using same = build({ predictor: { layers: 0 } });
  scope(() => {
    const { first } = batch();
    expect(same.call({ first, second: first }, step).total.item()).toBeCloseTo(0, 5); // online and target are still equal
  });
});

test("no gradient reaches the target; after a step it has moved by 1 − τ, the momentum of that step", () => {
  using model = build({ momentum: { from: 0.8, to: 1 } });
  scope(() => {
    backward(model.call(batch(), step).total);
    expect(new Set(model.parameters().map(({ name }) => name.split(".")[0]))).toEqual(
      new Set(["encoder", "projector", "predictor"]),
    );
    const weight = (name: string): Tensor => model.state().get(name) as Tensor;
    noGrad(() => weight("projector.3.weight").copy_(weight("projector.3.weight").add(1)));
    const [online, before] = ["projector.3.weight", "teacher.projector.3.weight"].map((name) =>
      weight(name).toNumbers(),
    );
    noGrad(() => model.afterStep({ ...step, progress: 0.5 }));
    const after = weight("teacher.projector.3.weight").toNumbers();
    for (const [i, value] of after.entries())
      expect(value).toBeCloseTo(0.9 * (before?.[i] ?? 0) + 0.1 * (online?.[i] ?? 0), 5);
  });
});

test("the heads of a ResNet-50 have the official code's parameters, but for the biases that batch norm takes away", () => {
  const encoder = {
    width: 2048,
    pools: ["mean"],
    state: () => new Map(),
    close: () => undefined,
    initialize: () => undefined,
  };
  const make = () => encoder as unknown as ReturnType<typeof smallEncoder>;
  using model = new Byol(byolConfig.parse({}), make(), make);
  const count = (module: { state(): ReadonlyMap<string, Tensor> }): number =>
    [...module.state()].reduce((sum, [name, { size }]) => sum + (/running|num_batches/.test(name) ? 0 : size), 0);
  expect(count(model.projector)).toBe(9_449_472 - 4096);
  expect(count(model.predictor)).toBe(2_109_440 - 4096);
});

test("the views are MoCo v3's, cropped by bicubic filters", () => {
  const { first, second } = byol.views(byol.config.parse({ name: "byol" }), image);
  for (const view of [first, second]) expect(JSON.stringify(view)).toContain('"interpolation":"bicubic"');
  expect(JSON.stringify(first)).not.toContain("solarize");
  expect(JSON.stringify(second)).toContain("solarize");
});

test("a target that is an average in its projector alone: sharing features gives the same loss and gradients, in half the passes", () => {
  const run = (route: "full" | "shared") => {
    using model = build({ target: { scope: "projector", route }, momentum: 0.5 });
    const passes = [model.encoder, ...("encoder" in model.teacher ? [model.teacher.encoder] : [])].map((encoder) =>
      vi.spyOn(encoder, "features"),
    );
    return scope(() => {
      const losses = [0, 1].map(() => {
        for (const { tensor } of model.parameters()) tensor.grad = undefined;
        const { total } = model.call(batch(), step);
        backward(total);
        noGrad(() => {
          for (const { tensor } of model.parameters())
            if (tensor.grad !== undefined) tensor.add_(tensor.grad.mul(-0.1));
          model.afterStep(step);
        });
        return total.item();
      });
      const gradients = model.parameters().map(({ name, tensor }) => [name, tensor.grad?.norm().item() ?? 0] as const);
      return {
        losses,
        gradients,
        passes: passes.map((spy) => spy.mock.calls.length),
        names: [...model.state().keys()],
      };
    });
  };
  const [full, shared] = [run("full"), run("shared")];
  expect(full.passes).toEqual([4, 4]); // two views, two steps
  expect(shared.passes).toEqual([4]);
  for (const [i, loss] of full.losses.entries()) expect(shared.losses[i]).toBeCloseTo(loss, 5);
  for (const [i, [name, norm]] of full.gradients.entries()) {
    expect(shared.gradients[i]?.[0]).toBe(name);
    expect(Math.abs((shared.gradients[i]?.[1] ?? 0) - norm)).toBeLessThan(1e-3 * Math.max(norm, 1e-3));
  }
  expect(shared.names.some((name) => name.startsWith("teacher.encoder."))).toBe(false);
});
