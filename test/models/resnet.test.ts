import { describe, expect, test } from "vitest";
import { noGrad } from "../../src/engine/modes.js";
import { scope } from "../../src/engine/scope.js";
import { cost } from "../../src/graph/cost.js";
import { Resnet, resnetConfig, resnetSizes } from "../../src/models/resnet.js";
import { empty } from "../../src/tensor/creation.js";
import { backward } from "../../src/tensor/grad.js";
import { Rng } from "../../src/tensor/random.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { convnets, expectSome, fill, inDouble, pictures, weighted } from "./convnet-formula.js";

type Size = keyof typeof resnetSizes;
const square = (side: number) => ({ imageSize: [side, side] as const, channels: 3 });
const cases = Object.entries(convnets.resnet).map(([key, theirs]) => {
  const [size, stem, side] = key.split(" ") as [Size, "imagenet" | "cifar", string];
  return { size, stem, side: Number(side), theirs };
});
/** Of float64 on both sides: nine digits stand in the file. */
const exact = 1e-7;
const micro = { depths: [1, 2, 1, 1], width: 8, stem: "cifar" } as const;

test.each(cases)("torchvision's $size with the stem of $stem: maps and features in evaluation", (given) => {
  const { size, stem, side, theirs } = given;
  using model = new Resnet(resnetConfig.parse({ size, stem }), square(side));
  fill(model);
  noGrad(() =>
    scope(() => {
      const stages = model.stages(pictures(2, side));
      const finest = stem === "cifar" ? 1 : 4;
      expect(stages.map(({ stride }) => stride[0])).toEqual([1, 2, 4, 8].map((times) => finest * times));
      for (const [i, { map }] of stages.entries()) {
        expectSome(map, theirs.evaluated.maps[i] as never, 1e-5, `map ${i}`);
        expect(map.side(2) * (stages[i]?.stride[0] ?? 0)).toBe(side);
      }
      expectSome(model.features(pictures(2, side)), theirs.evaluated.features, 1e-5, "features");
    }),
  );
});

test.each(cases.flatMap((one) => [false, true].map((checkpointing) => ({ ...one, checkpointing }))))(
  "torchvision's $size with the stem of $stem in training: gradients, and running statistics moved once (checkpointed $checkpointing)",
  ({ size, stem, side, theirs: { trained }, checkpointing }) => {
    using model = new Resnet(resnetConfig.parse({ size, stem }), square(side));
    fill(model);
    model.setTraining(true);
    model.setCheckpointing(checkpointing);
    inDouble(model, () =>
      scope(() => {
        const features = model.features(pictures(4, side).to("float64"));
        expectSome(features, trained.features, exact, "features");
        backward(weighted(features));
        const names = [...Object.keys(trained.gradients), ...Object.keys(trained.buffers)];
        expect([...model.state().keys()].sort()).toEqual(names.sort());
        for (const [name, parameter] of model.state()) {
          const gradient = trained.gradients[name];
          if (gradient === undefined) expectSome(parameter, trained.buffers[name] as never, exact, name);
          else expectSome(parameter.grad as Tensor, gradient, exact, name);
          parameter.grad = undefined;
        }
      }),
    );
  },
);

test.each(Object.keys(resnetSizes) as Size[])("%s has torchvision's number of parameters, none allocated", (size) => {
  const found = cost(
    () => new Resnet(resnetConfig.parse({ size }), square(224)),
    (model) => model.call(empty([1, 3, 224, 224], { device: "meta" })),
  );
  const head = 1000 * (resnetSizes[size].block === "basic" ? 512 : 2048) + 1000;
  expect(found.trainable + head).toBe(convnets["resnet parameters"][size]);
  const giga = { resnet18: 1.814, resnet34: 3.664, resnet50: 4.089, resnet101: 7.801, resnet152: 11.514 }; // torchvision's, with the head
  expect((found.multiplyAdds + head) / 1e9).toBeCloseTo(giga[size], 2);
});

test("first values: variance 2 / fan out, norms one; with zeroInitResidual every block starts as its shortcut", () => {
  using model = new Resnet(resnetConfig.parse({ ...micro, size: "resnet50", zeroInitResidual: true }), square(16));
  model.initialize(new Rng(0, "init"));
  noGrad(() =>
    scope(() => {
      const weight = model.layer2.links[1]?.state().get("conv2.weight") as Tensor; // [16 16 3 3]
      expect(weight.flatten().std([0]).item() / Math.sqrt(2 / (16 * 9))).toBeCloseTo(1, 1);
      const x = new Rng(1, "x", 0, [0, 1]).normal([64, 4, 4]).abs(); // a block gives what ReLU leaves
      expect(model.layer2.links[1]?.call(x).toNumbers()).toEqual(x.toNumbers());
      expect(model.layer2.links[1]?.state().get("bn3.weight")?.toNumbers()).toEqual(
        Array.from({ length: 64 }, () => 0),
      );
    }),
  );
});

describe("layers", () => {
  test("what stands where, for a decaying rate", () => {
    using model = new Resnet(resnetConfig.parse({ ...micro, size: "resnet18" }), square(16));
    const names = [
      "conv1.weight",
      "bn1.bias",
      "layer1.0.conv1.weight",
      "layer2.1.bn2.bias",
      "layer4.0.downsample.1.weight",
    ];
    expect([model.depth, ...names.map((name) => model.layerOf(name)), model.layerOf("head.weight")]).toEqual([
      5, 0, 0, 1, 3, 5, 6,
    ]);
    expect(model.layerPaths).toEqual(["layer1.0", "layer2.0", "layer2.1", "layer3.0", "layer4.0"]);
  });

  test("the last blocks; half of one is its last convolution", () => {
    using model = new Resnet(resnetConfig.parse({ ...micro, size: "resnet50" }), square(16));
    const trained = (count: number) => {
      const wanted = new Set(model.lastLayers(count).flatMap((part) => [...part.state().values()]));
      return [...model.state()].flatMap(([name, parameter]) => (wanted.has(parameter) ? [name.split(".")[0]] : []));
    };
    expect(trained(0)).toEqual([]);
    expect(new Set(trained(2))).toEqual(new Set(["layer3", "layer4"]));
    expect(trained(0.5)).toHaveLength(5); // conv3, bn3 and its two statistics
  });
});

test("any sides are taken; widths and channels are free", () => {
  using model = new Resnet(resnetConfig.parse({ ...micro, size: "resnet18" }), { imageSize: [17, 9], channels: 2 });
  model.initialize(new Rng(0, "init"));
  noGrad(() =>
    scope(() => {
      expect(model.accepts([17, 9])).toBe(true);
      expect(model.call(new Rng(1, "x").normal([2, 17, 9])).shape).toEqual([1, 64, 3, 2]);
      expect(model.width).toBe(64);
    }),
  );
});
