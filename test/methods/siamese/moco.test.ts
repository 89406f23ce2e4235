import { fileURLToPath } from "node:url";
import { expect, test, vi } from "vitest";
import { noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import type { Batch } from "../../../src/methods/method.js";
import { Moco, moco, mocoConfig } from "../../../src/methods/siamese/moco.js";
import { resnet } from "../../../src/models/resnet.js";
import { AdamW } from "../../../src/optim/adamw.js";
import { weightDecayGroups } from "../../../src/optim/groups.js";
import { normalize } from "../../../src/tensor/functional.js";
import { backward } from "../../../src/tensor/grad.js";
import { Rng } from "../../../src/tensor/random.js";
import type { Tensor } from "../../../src/tensor/tensor.js";
import { checkReference } from "../../../src/train/reference/check.js";
import { leavesNoTensors } from "../../engine/leaks.js";
import { stepOf } from "../../train/example.js";
import { smallMethod, smallModel } from "../small.js";

leavesNoTensors();

test.each([
  ["moco-v1", 38],
  ["moco-v2", 55],
])("%s: losses, gradients, key encoder and queue of the official code's three steps", (name, gradients) => {
  const parts = checkReference(fileURLToPath(new URL(`../../reference/${name}.safetensors`, import.meta.url)));
  expect(parts.filter(({ passed }) => !passed)).toEqual([]);
  const tensors = Object.fromEntries(parts.map((part) => [part.part, part.tensors]));
  expect(tensors).toMatchObject({ loss: 1, gradients, "losses of three steps": 1 });
  expect(tensors["buffers after three steps"]).toBeGreaterThan(10);
});

const image = { imageSize: [16, 16], channels: 3 } as const;
const samples = [0, 1, 2, 3];
const stepAt = (index: number) => ({ ...stepOf(new Rng(1, "step", 0, samples)), index });
const pictures = (name: string): Tensor => new Rng(2, name, 0, samples).normal([3, 16, 16]);
/** Two views of four pictures, the same of each kind. */
function batch(kind = 0): Batch<"first" | "second"> {
  const base = pictures(`pictures ${kind}`);
  const view = (name: string): Tensor => base.add(pictures(`${name} ${kind}`).mul(0.3));
  return { first: view("first"), second: view("second") };
}

function build(changes: object = {}, model: object = {}): Moco {
  const make = () => resnet.build(resnet.config.parse({ ...smallModel("resnet"), ...model }), image);
  const moco = new Moco(mocoConfig.parse({ ...smallMethod("moco"), ...changes }), make(), make);
  moco.initialize(new Rng(0, "init"));
  noGrad(() => scope(() => moco.begin()));
  moco.setTraining(true);
  return moco;
}

const queueOf = (model: Moco): number[] => model.queue.keys.toNumbers();

test.each([true, false])(
  "symmetric %s: keys of a momentum projector are the same behind shared features",
  (symmetric) => {
    const run = (route: "full" | "shared") => {
      using model = build({ symmetric, target: { scope: "projector", route }, momentum: 0.5 });
      return scope(() => {
        const losses = [0, 1].map((index) => {
          const { total } = model.call(batch(index), stepAt(index));
          backward(total);
          noGrad(() => {
            for (const { tensor } of model.parameters())
              if (tensor.grad !== undefined) tensor.add_(tensor.grad.mul(-0.1));
          });
          for (const { tensor } of model.parameters()) tensor.grad = undefined;
          return total.item();
        });
        const teachers = [...model.state().keys()].filter((name) => name.startsWith("teacher.encoder.")).length;
        return { losses, queue: queueOf(model), teachers };
      });
    };
    const [full, shared] = [run("full"), run("shared")];
    for (const [i, loss] of full.losses.entries()) expect(shared.losses[i]).toBeCloseTo(loss, 5);
    for (const [i, key] of full.queue.entries()) expect(shared.queue[i]).toBeCloseTo(key, 4);
    expect([full.teachers > 0, shared.teachers]).toEqual([true, 0]);
  },
);

test("keys join the queue after the loss was made of it, and in evaluation not at all", () => {
  using model = build();
  const before = queueOf(model);
  scope(() => {
    const fresh = model.call(batch(), stepAt(0)).total.item();
    const after = queueOf(model);
    expect(after.slice(0, 4 * 16)).not.toEqual(before.slice(0, 4 * 16));
    expect(after.slice(4 * 16)).toEqual(before.slice(4 * 16));
    expect(Number.isFinite(fresh)).toBe(true);
    model.setTraining(false);
    model.call(batch(1), stepAt(1));
    expect(queueOf(model)).toEqual(after);
  });
});

test("no gradient reaches key encoder and queue, and every weight decays", () => {
  using model = build();
  scope(() => backward(model.call(batch(), stepAt(0)).total));
  const reached = model.parameters().map(({ name }) => name.split(".")[0]);
  expect(new Set(reached)).toEqual(new Set(["encoder", "projector"]));
  expect(model.ruleFor()).toEqual({ decays: true });
});

test.each([
  { normSplits: 1, isShuffled: false },
  { normSplits: 2, isShuffled: true },
])(
  "norms over $normSplits parts of a batch: keys are made in another order: $isShuffled",
  ({ normSplits, isShuffled }) => {
    const loss = (shuffle: boolean): number => {
      using model = build({ shuffle }, { normSplits });
      const made = vi.spyOn(model.teacher, "call");
      return scope(() => {
        const views = batch();
        const total = model.call(views, stepAt(0)).total.item();
        expect(made.mock.calls.map(([seen]) => seen !== views.second)).toEqual([shuffle && isShuffled]);
        return total;
      });
    };
    expect(loss(true) !== loss(false)).toBe(isShuffled);
  },
);

test("keys that are made in another order stand in that of the pictures", () => {
  using model = build({ shuffle: true, momentum: 1 }, { normSplits: 2 });
  scope(() => {
    const views = batch();
    model.teacher.setTraining(false); // its norms do not look at the batch: the order cannot change a key
    const keys = normalize(model.teacher.call(views.second)).toNumbers();
    model.call(views, stepAt(0));
    for (const [i, key] of keys.entries()) expect(queueOf(model)[i]).toBeCloseTo(key, 4);
  });
});

test("both ways: the losses add up, and both views' keys join the queue", () => {
  const swapped = ({ first, second }: Batch<"first" | "second">) => ({ first: second, second: first });
  const oneWay = (views: Batch<"first" | "second">): number => {
    using model = build({ shuffle: false });
    return scope(() => model.call(views, stepAt(0)).total.item());
  };
  using model = build({ shuffle: false, symmetric: true });
  const before = queueOf(model);
  scope(() => {
    const both = model.call(batch(), stepAt(0)).total.item();
    expect(both).toBeCloseTo(oneWay(batch()) + oneWay(swapped(batch())), 4);
  });
  const changed = queueOf(model).filter((value, i) => value !== before[i]).length;
  expect(changed).toBe(2 * 4 * 16);
});

test("it learns to tell pictures from those of the batches before", () => {
  using model = build({ queue: 16, momentum: 0.9 });
  using optimizer = new AdamW(weightDecayGroups(model.parameters(), 0), { betas: [0.9, 0.95], epsilon: 1e-8 });
  const losses = Array.from({ length: 96 }, (_, i) =>
    scope(() => {
      optimizer.zeroGrad();
      const { total } = model.call(batch(i % 8), stepAt(i)); // a picture comes back when the queue has forgotten it
      backward(total);
      optimizer.step(2e-3);
      return total.item();
    }),
  );
  const mean = (from: number): number => losses.slice(from, from + 8).reduce((a, b) => a + b) / 8;
  expect(mean(88)).toBeLessThan(0.6 * mean(8)); // the first eight still meet random keys
});

test("version 1 draws strong colours always and no blur, version 2 as SimSiam", () => {
  const views = (version: number) =>
    JSON.stringify(moco.views(moco.config.parse({ name: "moco", version }), image)["first"]);
  expect(views(1)).toContain('"hue":0.4');
  expect(views(1)).not.toContain("gaussianBlur");
  expect(views(2)).toContain('"hue":0.1');
  expect(views(2)).toContain("gaussianBlur");
});
