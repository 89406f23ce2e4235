import { expect, test } from "vitest";
import { noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import { type SupervisedTraining, supervised, supervisedConfig } from "../../../src/methods/supervised/supervised.js";
import { Resnet, resnetConfig } from "../../../src/models/resnet.js";
import { Rng } from "../../../src/tensor/random.js";
import { type Tensor, tensor } from "../../../src/tensor/tensor.js";
import { leavesNoTensors } from "../../engine/leaks.js";
import { stepOf } from "../../train/example.js";

leavesNoTensors();

const config = resnetConfig.parse({ depths: [1, 1, 1, 1], width: 4, block: "basic", stem: "cifar" });

function build(changes: object = {}): SupervisedTraining {
  const method = supervised.build(
    supervisedConfig.parse({ classes: 3, ...changes }),
    () => new Resnet(config, { imageSize: [16, 16], channels: 3 }),
  );
  method.initialize(new Rng(0, "init"));
  noGrad(() => scope(() => method.begin?.()));
  method.setTraining(true);
  return method as SupervisedTraining;
}

const batch = (size: number): { image: Tensor; label: Tensor } => ({
  image: new Rng(2, "x", 0, [...Array(size).keys()]).normal([3, 16, 16]),
  label: tensor(
    BigInt64Array.from({ length: size }, (_, i) => BigInt(i % 3)),
    [size],
  ),
});
const step = (size: number) => stepOf(new Rng(1, "step", 0, [...Array(size).keys()]));

test("a network with batch norms is averaged with their statistics, a fifth of the old after two updates", () => {
  using method = build({ average: 0.99 });
  const statistic = (of: "model" | "averaged"): number[] =>
    (method[of] as typeof method.model).state().get("encoder.bn1.running_mean")?.toNumbers() ?? [];
  const before = statistic("averaged");
  scope(() => void method.call(batch(4), step(4)));
  const seen = statistic("model");
  expect(seen).toHaveLength(4);
  expect(seen).not.toEqual(before);
  noGrad(() => scope(() => method.afterStep({ ...step(4), index: 0 }))); // (1 + 1) / (10 + 1) is kept
  for (const [i, value] of statistic("averaged").entries())
    expect(value).toBeCloseTo((2 / 11) * (before[i] as number) + (9 / 11) * (seen[i] as number), 6);
});

test("averaged weights are judged and exported, and never trained", () => {
  using method = build({ average: 0.99 });
  expect(method.outcome).toBe(method.averaged?.encoder);
  expect(method.parameters().some(({ name }) => name.startsWith("averaged."))).toBe(false);
  expect([...(method.averaged?.state().values() ?? [])].some(({ requiresGrad }) => requiresGrad)).toBe(false);
  noGrad(() =>
    scope(() => void (method.averaged as typeof method.model).head.bias?.copy_(tensor(Float32Array.of(0, 9, 0)))),
  );
  const { sums, predictions } = noGrad(() => scope(() => method.score(batch(4))));
  expect(predictions).toEqual([1, 1, 1, 1]);
  expect(sums["top1"]).toBe(1);
});

test("without an average there is one model, which is judged", () => {
  using method = build();
  expect(method.averaged).toBeUndefined();
  expect(method.outcome).toBe(method.model.encoder);
  expect(Object.keys(noGrad(() => scope(() => method.score(batch(4)))).sums)).toEqual(["loss", "top1", "top5"]);
});

test("five pictures cannot be paired", () => {
  using method = build();
  expect(() => scope(() => void method.prepare(batch(5), step(5)))).toThrow(
    "in data.batchSize: mixup and CutMix pair the pictures of a batch, and 5 is odd.",
  );
});
