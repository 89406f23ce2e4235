import { expect, test } from "vitest";
import { noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import { cost } from "../../../src/graph/cost.js";
import { Swin, type SwinConfig, swin, swinConfig, type swinSizes } from "../../../src/models/swin/swin.js";
import { onDevice } from "../../../src/nn/parameter.js";
import type { Size } from "../../../src/nn/patches.js";
import { empty } from "../../../src/tensor/creation.js";
import { backward } from "../../../src/tensor/grad.js";
import { Rng } from "../../../src/tensor/random.js";
import type { Tensor } from "../../../src/tensor/tensor.js";
import { readJson } from "../../numbers.js";
import { expectSome, fill, pictures, type Some, weighted } from "../convnet-formula.js";

interface Reference {
  readonly timm: Readonly<
    Record<string, { readonly maps: readonly Some[]; readonly map: Some; readonly features: Some }>
  >;
  readonly gradients: Readonly<Record<string, Some>>;
  readonly padded: { readonly large: { readonly map: Some }; readonly small: Readonly<Record<string, Some>> };
  readonly parameters: Readonly<Record<keyof typeof swinSizes, number>>;
}
const reference = readJson("swin.json") as Reference;

const made = (config: object, imageSize: Size): Swin => new Swin(swinConfig.parse(config), { imageSize, channels: 3 });
const square = (side: number): Size => [side, side];
const narrow = { width: 16, depths: [2, 2, 2, 2], heads: 1 };

/** The picture of make_swin.py, of a batch and sides. */
function picture(batch: number, [height, width]: Size): Tensor {
  return pictures(batch, Math.max(height, width)).slice(2, 0, height).slice(3, 0, width);
}

test.each([
  ["tiny", 1, square(224), { size: "tiny" }],
  ["base, window 14", 1, square(224), { size: "base", window: 14 }],
  ["base, 192 px, window 6", 1, square(192), { size: "base", window: 6 }],
  ["32 px", 2, square(32), { ...narrow, patchSize: 1, window: 4 }],
  ["wide", 2, [32, 96], { ...narrow, patchSize: 2, window: 4 }],
  ["odd maps", 2, square(56), { ...narrow, patchSize: 4, window: 14 }],
] as const)(
  "timm's %s: map of every stage and features, for the same weights",
  { timeout: 120_000 },
  (name, batch, size, config) => {
    const theirs = reference.timm[name];
    using model = made(config, size);
    fill(model);
    noGrad(() =>
      scope(() => {
        const image = picture(batch, size);
        const stages = model.stages(image);
        const patch = model.patchSize[0];
        expect(stages.map(({ stride }) => stride)).toEqual([1, 2, 4, 8].map((times) => square(times * patch)));
        for (const [i, { map }] of stages.entries()) expectSome(map, theirs?.maps[i] as Some, 1e-5, `map ${i}`);
        expectSome(model.call(image), theirs?.map as Some, 1e-5, "map");
        expectSome(model.features(image), theirs?.features as Some, 1e-5, "features");
      }),
    );
  },
);

/** Gradients of features, weighted by the formula, compared name by name. */
function expectGradients(model: Swin, image: Tensor, theirs: Readonly<Record<string, Some>>): void {
  const { features, image: pixels, ...gradients } = theirs;
  model.setTraining(true);
  image.setRequiresGrad(true);
  const found = model.features(image);
  expectSome(found, features as Some, 1e-5, "features");
  backward(weighted(found));
  expectSome(image.grad as Tensor, pixels as Some, 1e-5, "image");
  expect([...model.state().keys()].sort()).toEqual(Object.keys(gradients).sort());
  for (const [name, parameter] of model.state()) {
    expectSome(parameter.grad as Tensor, gradients[name] as Some, 1e-5, name);
    parameter.grad = undefined;
  }
}

test.each([false, true])("timm's gradients of every parameter and of the image, checkpointed %s", (checkpointing) => {
  using model = made({ ...narrow, patchSize: 1, window: 4 }, square(32));
  fill(model);
  model.setCheckpointing(checkpointing);
  scope(() => expectGradients(model, pictures(3, 32), reference.gradients));
});

test("EsViT's map, features and gradients of small crops, whose maps are padded, by windows of the large ones", () => {
  using model = made({ ...narrow, patchSize: 2, normEpsilon: 1e-6 }, square(112));
  fill(model);
  noGrad(() => scope(() => expectSome(model.call(pictures(2, 112)), reference.padded.large.map, 1e-5, "large")));
  scope(() => expectGradients(model, pictures(2, 48), reference.padded.small));
});

/** Of the encoder, without the classifier; SimMIM's base for 192 px by its card. */
test.each([
  ["tiny", {}, 224, reference.parameters.tiny, 4.5],
  ["small", {}, 224, reference.parameters.small, 8.7],
  ["base", {}, 224, reference.parameters.base, 15.4],
  ["large", {}, 224, reference.parameters.large, 34.5],
  ["base", { window: 6 }, 192, 86_725_304 - 128, 11.3],
] as const)(
  "%s %o at %i px has the published parameters and multiply-adds, none allocated",
  (size, config, side, parameters, giga) => {
    const found = cost(
      () => made({ size, ...config }, square(side)),
      (model) => model.call(empty([1, 3, side, side], { device: "meta" })),
    );
    expect(found.parameters).toBe(parameters);
    expect(Math.abs(found.multiplyAdds / 1e9 / giga - 1)).toBeLessThan(0.02); // the paper rounds, and leaves attention's products out
  },
);

test("a picture that patches do not divide is refused", () => {
  using model = made({ ...narrow, patchSize: 2 }, [32, 16]);
  scope(() => {
    expect(() => model.call(picture(1, [31, 16]))).toThrow(
      "imageSize 31 × 16 is not a multiple of the patch size 2 (nearest: 32 × 16).",
    );
  });
  expect(() => made({}, square(225))).toThrow("(nearest: 224 × 224)");
});

test("rates of drop path grow from block to block over all stages", () => {
  using model = onDevice("meta", () => made({ ...narrow, depths: [1, 2, 1, 1], dropPath: 0.4 }, square(32)));
  const rates = model.layers.flatMap(({ blocks }) =>
    blocks.links.map(({ dropPath1, dropPath2 }) => [dropPath1.rate, dropPath2.rate]),
  );
  expect(rates.flat().map((rate) => Number(rate.toFixed(6)))).toEqual([0, 0, 0.1, 0.1, 0.2, 0.2, 0.3, 0.3, 0.4, 0.4]);
});

test("first values: normal of deviation 0.02, no bias, PyTorch's own for patches", () => {
  using model = made({ ...narrow, patchSize: 1, window: 4 }, square(32));
  model.initialize(new Rng(0, "init"));
  scope(() => {
    for (const [name, parameter] of model.state()) {
      const values = parameter.detach();
      if (name.startsWith("patch_embed.proj."))
        expect(values.abs().amax([]).item()).toBeLessThanOrEqual(1 / Math.sqrt(3));
      else if (parameter.rank > 1) {
        const deviation = values.flatten().std([0]).item();
        expect(Math.abs(deviation / 0.02 - 1), name).toBeLessThan(4 / Math.sqrt(parameter.size)); // 5 standard errors
      } else expect(new Set(values.toNumbers()), name).toEqual(new Set([name.endsWith(".weight") ? 1 : 0]));
    }
  });
});

/** Numbers of microsoft/SimMIM, optimizer.py (get_swin_layer), for the same names. */
test("layers of a decaying rate are the official ones; the last layers, half of one", () => {
  using model = onDevice("meta", () => made({ size: "base" }, square(224)));
  const names = [
    "patch_embed.norm.weight",
    "layers.0.blocks.0.attn.qkv.weight",
    "layers.0.downsample.reduction.weight",
    "layers.1.blocks.0.norm1.bias",
    "layers.2.blocks.17.mlp.fc1.weight",
    "layers.2.downsample.norm.weight",
    "layers.3.blocks.1.attn.relative_position_bias_table",
    "norm.weight",
  ];
  expect([model.depth, ...names.map((name) => model.layerOf(name))]).toEqual([24, 0, 1, 2, 3, 22, 22, 24, 25]);
  const half = new Set(model.lastLayers(0.5).flatMap((part) => [...part.state().values()]));
  const trained = [...model.state()].flatMap(([name, parameter]) => (half.has(parameter) ? [name] : []));
  expect(new Set(trained.map((name) => name.replace(/\.(fc.\.)?(weight|bias)$/, "")))).toEqual(
    new Set(["layers.3.blocks.1.norm2", "layers.3.blocks.1.mlp", "norm"]),
  );
});

test("a width that the heads of its stage do not divide is refused", () => {
  expect(() => made({ width: 16, heads: [1, 2, 3, 4] }, square(224))).toThrow(
    "a width of 64 does not divide into 3 heads.",
  );
});

test("pictures of 32 px get patches of a pixel and windows of 4, those of 224 px the published ones", () => {
  const offered = (side: number, given: Partial<SwinConfig> = {}) =>
    swin.offers({ side, channels: 3, given }).map(({ settings }) => settings);
  expect(offered(32)[0]).toEqual({ size: "tiny", patchSize: 1, window: 4 });
  expect(offered(224)[2]).toEqual({ width: 32, patchSize: 4, window: 7 });
  expect(offered(192, { size: "base" })).toEqual([{ patchSize: 4, window: 6 }]);
  expect(offered(30, { patchSize: 4 })).toEqual([]);
});
