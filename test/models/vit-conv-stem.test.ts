import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { scope } from "../../src/engine/scope.js";
import { cost } from "../../src/graph/cost.js";
import { patchEncoder } from "../../src/models/encoder.js";
import { VitConvStem, vitConvStemConfig, vitConvStemSizes } from "../../src/models/vit-conv-stem.js";
import { empty } from "../../src/tensor/creation.js";
import { backward } from "../../src/tensor/grad.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { expectSome, fill, inDouble, pictures, type Some, weighted } from "./convnet-formula.js";

interface Torchvision {
  readonly config: Readonly<Record<string, unknown>> & { readonly side: number };
  readonly evaluated: Some;
  readonly trained: {
    readonly features: Some;
    readonly gradients: Readonly<Record<string, Some>>;
    readonly buffers: Readonly<Record<string, Some>>;
  };
}
const { config, evaluated, trained } = JSON.parse(
  readFileSync(new URL("../reference/conv-stem.json", import.meta.url), "utf8"),
) as Torchvision;
const { side, ...sizes } = config;
const square = (length: number) => ({ imageSize: [length, length] as const, channels: 3 });
const small = () => new VitConvStem(vitConvStemConfig.parse(sizes), square(side));
/** Of float64 on both sides: nine digits stand in the file. */
const exact = 1e-7;

test.each([false, true])(
  "torchvision's numbers: features, gradients, running statistics (checkpointed %s)",
  (checkpointing) => {
    using model = small();
    fill(model);
    inDouble(model, () =>
      scope(() => {
        const images = pictures(4, side).to("float64");
        expectSome(model.features(images, "class"), evaluated, exact, "features in evaluation");
        model.setTraining(true);
        model.setCheckpointing(checkpointing);
        const features = model.features(images, "class");
        expectSome(features, trained.features, exact, "features");
        backward(weighted(features));
        expect([...model.state().keys()].sort()).toEqual(
          [...Object.keys(trained.gradients), ...Object.keys(trained.buffers)].sort(),
        );
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

// With the classifier of 1000 classes, as the paper counts; recomputed from its tables.
test.each([
  ["1GF", 4_567_936, 1.1],
  ["4GF", 17_754_136, 4.0],
  ["18GF", 81_573_160, 17.7],
  ["36GF", 167_796_008, 35.0],
] as const)("%s has the paper's %i parameters and %f GFLOPs", (size, parameters, flops) => {
  const found = cost(
    () => new VitConvStem(vitConvStemConfig.parse({ size }), square(224)),
    (model) => model.call(empty([1, 3, 224, 224], { device: "meta" })),
  );
  expect(found.trainable + 1000 * vitConvStemSizes[size].width + 1000).toBe(parameters);
  expect(Math.abs(found.multiplyAdds / 1e9 - flops)).toBeLessThan(0.06);
});

test("a stem for any patch: channels double up to the width, strides come to the patch", () => {
  const own = vitConvStemConfig.parse({ width: 64, heads: 4, depth: 1, patchSize: 4 });
  using model = new VitConvStem(own, square(32));
  expect(model.sizes.stem).toEqual([
    { channels: 32, stride: 2 },
    { channels: 64, stride: 2 },
  ]);
  expect(
    () => new VitConvStem(vitConvStemConfig.parse({ patchSize: 8, stem: [{ channels: 8, stride: 2 }] }), square(32)),
  ).toThrow(
    "in model.stem: the strides of the stem come to 2, the patch is 8. Set model.patchSize to what the strides come to.",
  );
});

test("neighbouring patches meet in the stem: it is no encoder for methods that leave patches out", () => {
  using model = small();
  expect(patchEncoder.is(model)).toBe(false);
});
