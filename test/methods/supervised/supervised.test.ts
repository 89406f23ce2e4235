import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import { type SupervisedTraining, supervised, supervisedConfig } from "../../../src/methods/supervised/supervised.js";
import { Resnet, resnetConfig } from "../../../src/models/resnet.js";
import { Vit, vitConfig } from "../../../src/models/vit.js";
import { onDevice } from "../../../src/nn/parameter.js";
import { Rng } from "../../../src/tensor/random.js";
import { type Tensor, tensor } from "../../../src/tensor/tensor.js";
import { checkReference } from "../../../src/train/reference/check.js";
import { leavesNoTensors } from "../../engine/leaks.js";
import { stepOf } from "../../train/example.js";

leavesNoTensors();

test.each([
  ["supervised-mixed", 32],
  ["supervised-averaged", 38],
])(
  "%s: losses, gradients, parameters, averages and statistics of the official code's three steps",
  (name, gradients) => {
    const parts = checkReference(fileURLToPath(new URL(`../../reference/${name}.safetensors`, import.meta.url)));
    expect(parts.filter(({ passed }) => !passed)).toEqual([]);
    const tensors = Object.fromEntries(parts.map((part) => [part.part, part.tensors]));
    expect(tensors).toMatchObject({ loss: 1, gradients, "losses of three steps": 1 });
  },
);

const image = { imageSize: [16, 16], channels: 3 } as const;
const vit = (): Vit => new Vit(vitConfig.parse({ width: 16, depth: 2, heads: 2, patchSize: 4 }), image);
const resnet = (): Resnet =>
  new Resnet(resnetConfig.parse({ depths: [1, 1, 1, 1], width: 4, block: "basic", stem: "cifar" }), image);

function build(changes: object = {}, makeEncoder: () => Vit | Resnet = vit): SupervisedTraining {
  const method = supervised.build(supervisedConfig.parse({ classes: 3, ...changes }), makeEncoder);
  method.initialize(new Rng(0, "init"));
  method.setTraining(true);
  return method as SupervisedTraining;
}

const batch = (): { image: Tensor; label: Tensor } => ({
  image: new Rng(2, "x", 0, [0, 1, 2, 3]).normal([3, 16, 16]),
  label: tensor(BigInt64Array.of(0n, 1n, 2n, 0n), [4]),
});

test.each([
  ["tiny", 16, 5_717_416],
  ["small", 16, 22_050_664],
  ["base", 16, 86_567_656],
  ["large", 16, 304_326_632],
] as const)("ViT-%s/%i with its classifier has the published number of parameters", (size, patchSize, parameters) => {
  const config = vitConfig.parse({ size, patchSize, positions: "learned" });
  using method = onDevice("meta", () =>
    supervised.build(supervisedConfig.parse({}), () => new Vit(config, { imageSize: [224, 224], channels: 3 })),
  );
  expect([...method.state().values()].reduce((sum, { size: numbers }) => sum + numbers, 0)).toBe(parameters);
});

test.each([2, 10, 1000])("a classifier that says nothing costs ln %i, whatever is mixed and smoothed", (classes) => {
  using method = build({ classes });
  noGrad(() => scope(() => [method.model.head.weight, method.model.head.bias as Tensor].map((part) => part.mul_(0))));
  const loss = scope(() => {
    const step = stepOf(new Rng(1, "step", 0, [0, 1, 2, 3]));
    const label = tensor(BigInt64Array.of(0n, 1n, 1n, 0n), [4]);
    return method.call(method.prepare({ ...batch(), label }, step)({ start: 0, end: 4 }), step).total.item();
  });
  expect(loss).toBeCloseTo(Math.log(classes), 5);
  expect(method.health()).toMatchObject({ loss: "moves" }); // where pictures are mixed
  using plain = build({ classes, augmentation: { mixing: { probability: 0 } } });
  expect(plain.health()).toMatchObject({ loss: "falls", trivial: Math.log(classes) });
});

test("it classifies the class token where there is one, the mean elsewhere or where that is asked for", () => {
  for (const [changes, make, pool] of [
    [{}, vit, "class"],
    [{ pool: "mean" }, vit, "mean"],
    [{}, resnet, "mean"],
  ] as const) {
    using method = build(changes, make);
    expect(method.pool).toBe(pool);
  }
});

test("classes that nobody says are those of the pictures", () => {
  const config = supervisedConfig.parse({});
  expect(supervised.settle(config, { classes: ["a", "b", "c"] })).toMatchObject({ classes: 3 });
  expect(supervised.settle({ ...config, classes: 5 } as typeof config, { classes: ["a"] })).toMatchObject({
    classes: 5,
  });
});
