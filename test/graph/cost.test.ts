import { expect, test } from "vitest";
import { liveTensors } from "../../src/engine/scope.js";
import { Classifier } from "../../src/finetune/classifier.js";
import { cost } from "../../src/graph/cost.js";
import { Mae, maeConfig } from "../../src/methods/masked/mae.js";
import { Vit, vitConfig } from "../../src/models/vit.js";
import { Linear } from "../../src/nn/linear.js";
import { Module } from "../../src/nn/module.js";
import { empty, zeros } from "../../src/tensor/creation.js";
import { Rng } from "../../src/tensor/random.js";
import { aten, type Tensor } from "../../src/tensor/tensor.js";
import { stepOf } from "../train/example.js";

const meta = (shape: number[]): Tensor => empty(shape, { device: "meta" });

test("linear layers, products and convolutions count as one counts by hand", () => {
  const linear = cost(
    () => new Linear(10, 20),
    (layer) => layer.call(meta([3, 5, 10])),
  );
  expect([linear.parameters, linear.multiplyAdds]).toEqual([220, 3 * 5 * 10 * 20]);
  class Products extends Module {
    protected forward(x: Tensor): Tensor {
      const squared = x.matmul(x.transpose(-1, -2)); // [2 4 4]: 2·4·4·6
      return aten("conv2d", squared.unsqueeze(0), zeros([8, 2, 3, 3], { device: "meta" }), null, 1, 1); // [1 8 4 4]: 128·18
    }
  }
  expect(
    cost(
      () => new Products(),
      (model) => model.call(meta([2, 4, 6])),
    ).multiplyAdds,
  ).toBe(2 * 4 * 4 * 6 + 128 * 18);
});

test("by module, each level holding what is below it; nothing stays alive", () => {
  const before = liveTensors();
  const found = cost(
    () =>
      new Mae(maeConfig.parse({}), new Vit(vitConfig.parse({ size: "base" }), { imageSize: [224, 224], channels: 3 })),
    (model) => model.call({ image: meta([1, 3, 224, 224]) }, stepOf(new Rng(0, "x"))),
  );
  expect(liveTensors()).toBe(before);
  const part = (path: string): number => found.modules.get(path)?.multiplyAdds ?? 0;
  expect(part("")).toBe(found.multiplyAdds);
  expect(part("encoder.blocks.0")).toBe(part("encoder.blocks.0.attn") + part("encoder.blocks.0.mlp"));
  // MAE, section 3: 4.4 G for visible patches and class token, of which 147 · 768² embed patches that we leave out
  expect(part("encoder") / 1e9).toBeCloseTo(4.4 - (147 * 768 ** 2) / 1e9, 1);
  expect(part("decoder")).toBeGreaterThan(5.2e9);
  expect(found.modules.get("encoder")?.parameters).toBe(85_798_656);
});

test.each(["class", "mean"] as const)("ViT-B/16 with 1,000 classes, %s pooling: timm's 86,567,656", (pool) => {
  const found = cost(
    () => {
      const vit = new Vit(vitConfig.parse({ size: "base" }), { imageSize: [224, 224], channels: 3 });
      return new Classifier(vit, { classes: 1000, pool, trainBlocks: "all" });
    },
    (model) => model.call(meta([1, 3, 224, 224])),
  );
  expect([found.parameters, found.trainable]).toEqual([86_567_656, 86_567_656]); // of averaged tokens fc_norm alone is used
  expect(found.modules.get("")?.parameters).toBe(found.parameters);
  expect(found.multiplyAdds / 1e9).toBeCloseTo(17.56, 2);
});

test("a thousand pictures are counted as quickly as one: nothing is computed", { timeout: 60_000 }, () => {
  const build = (): Vit => new Vit(vitConfig.parse({ size: "base" }), { imageSize: [224, 224], channels: 3 });
  const of = (batch: number) => cost(build, (vit) => vit.call(meta([batch, 3, 224, 224])));
  expect(of(1000).multiplyAdds).toBe(1000 * of(1).multiplyAdds); // else minutes
});
