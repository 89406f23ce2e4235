import { describe, expect, test } from "vitest";
import { noGrad } from "../../src/engine/modes.js";
import { scope } from "../../src/engine/scope.js";
import { autoencoderOnnx, classifierOnnx, encoderOnnx } from "../../src/export/onnx.js";
import { Classifier } from "../../src/finetune/classifier.js";
import { parseFinetune } from "../../src/finetune/config.js";
import type { OnnxFile } from "../../src/graph/onnx/export.js";
import { decodeModel } from "../../src/graph/onnx/schema.js";
import { methodConfig } from "../../src/methods/index.js";
import { Mae, maeConfig } from "../../src/methods/masked/mae.js";
import { maskFromNoise } from "../../src/methods/parts/masks.js";
import { Vit, vitConfig } from "../../src/models/vit.js";
import type { Module } from "../../src/nn/module.js";
import { cat } from "../../src/tensor/creation.js";
import { Rng } from "../../src/tensor/random.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { parseConfig, type RunConfig } from "../../src/train/config.js";
import { openSession } from "../graph/onnx/runtime.js";
import { relativeDifference } from "../numbers.js";

const config: RunConfig = parseConfig({
  data: { source: { kind: "cifar10", split: "train" }, imageSize: 32, batchSize: 8 },
  model: { name: "vit", width: 64, depth: 2, heads: 4, patchSize: 8 },
  method: { name: "mae", decoder: { width: 32, depth: 1, heads: 2 } },
});

interface Small {
  readonly config: RunConfig;
  readonly encoder: Vit;
  readonly method: Mae;
  readonly step: number;
}

/** A model whose every parameter is away from its first value. */
function small(over: object = {}): Small {
  const encoder = new Vit(vitConfig.parse(config.model), { imageSize: [32, 32], channels: 3 });
  const method = new Mae(maeConfig.parse({ ...config.method, ...over }), encoder);
  method.initialize(new Rng(0, "init"));
  const noise = new Rng(1, "noise");
  noGrad(() =>
    scope(() => {
      for (const { name, tensor } of method.parameters())
        tensor.add_(noise.fork(name).normal(tensor.shape).reshape(tensor.shape).mul(0.05));
    }),
  );
  return { config: { ...config, method: methodConfig.parse({ ...config.method, ...over }) }, encoder, method, step: 7 };
}

const pictures = (batch: number): Tensor => new Rng(batch, "pictures", 0, [...Array(batch).keys()]).normal([3, 32, 32]);

function maskOf(batch: number, kept: number): { visible: Tensor; restore: Tensor } {
  return scope(() => {
    const rng = new Rng(3, "mask", 0, [...Array(batch).keys()]);
    const mask = maskFromNoise(rng.uniform([16]), kept);
    return { visible: mask.ids.slice(1, 0, kept).contiguous(), restore: mask.restore };
  });
}

/** Runs a file and what it was made of on the same inputs. @returns the largest relative difference of each output */
async function differences(
  file: OnnxFile,
  batch: number,
  more: () => Record<string, Tensor>,
  ours: (image: Tensor, given: Record<string, Tensor>) => Record<string, Tensor>,
  image = "image",
): Promise<Record<string, number>> {
  const session = await openSession(file.bytes());
  const given = { [image]: pictures(batch), ...more() };
  const theirs = await session.run(given);
  const found = noGrad(() =>
    scope(() => {
      const wanted = ours(given[image] as Tensor, given);
      return Object.fromEntries(
        Object.entries(wanted).map(([name, value]) => {
          expect(theirs[name]?.shape, name).toEqual(value.shape);
          return [name, relativeDifference(theirs[name] as Tensor, value)];
        }),
      );
    }),
  );
  for (const one of [...Object.values(given), ...Object.values(theirs)]) one.dispose();
  await session.close();
  return found;
}

describe("the encoder", () => {
  test.each([1, 5, 7])("gives what libtorch gives at batch %i: tokens, mean, layers in the middle", async (batch) => {
    const model = small();
    const file = encoderOnnx(model, { layers: [0, -1] });
    const found = await differences(
      file,
      batch,
      () => ({}),
      (image) => {
        const { encoder } = model;
        const patches = encoder.patchEmbed
          .call(encoder.patchEmbed.unfold(image))
          .add((encoder.posEmbed as Tensor).slice(1, 1));
        const first = encoder.clsToken.add((encoder.posEmbed as Tensor).slice(1, 0, 1)).expand([batch, -1, -1]);
        const [zero, one] = encoder.blocks.links as unknown as [Module, Module];
        const between = zero.call(cat([first, patches], 1)); // [B 17 64]
        return {
          last_hidden_state: encoder.call(image),
          pooler_output: encoder.features(image),
          "hidden_states.0": between,
          "hidden_states.1": one.call(between),
        };
      },
      "pixel_values",
    );
    expect(Math.max(...Object.values(found))).toBeLessThan(1e-4);
    model.method.close();
  });
});

describe("the masked autoencoder", () => {
  test.each([
    [1, 4],
    [5, 11],
    [7, 16],
  ])("batch %i, %i of 16 patches visible", async (batch, kept) => {
    const model = small();
    const { visible, restore } = maskOf(batch, kept);
    const found = await differences(
      autoencoderOnnx(model),
      batch,
      () => ({ ids_keep: visible, ids_restore: restore }),
      (image) => {
        const made = model.method.fillIn(image, visible, restore);
        return { prediction: made.prediction, rebuilt: made.rebuilt, features: made.latent.slice(1, 1).mean([1]) };
      },
    );
    expect(Math.max(...Object.values(found))).toBeLessThan(1e-4);
    model.method.close();
  });
});

describe("smaller files", () => {
  test.each([
    ["fp16", 0.55, 5e-3],
    ["int8", 0.45, 2e-2],
  ] as const)("%s: a share of %f of the bytes at most, features within %f", async (precision, share, allowed) => {
    const model = small();
    const [whole, less] = [encoderOnnx(model), encoderOnnx(model, { precision })];
    expect(less.bytes().length / whole.bytes().length).toBeLessThan(share);
    const found = await differences(
      less,
      3,
      () => ({}),
      (image) => ({ last_hidden_state: model.encoder.call(image), pooler_output: model.encoder.features(image) }),
      "pixel_values",
    );
    const largest = Math.max(...Object.values(found));
    expect(largest).toBeLessThan(allowed);
    expect(largest).toBeGreaterThan(1e-5); // it is another precision
    model.method.close();
  });
});

describe("a classifier", () => {
  test.each([
    ["fine-tuned", "all", "mean"],
    ["fine-tuned on the class token", "all", "class"],
    ["a linear probe, its batch norm with the statistics that it ran up", 0, "class"],
  ] as const)("%s", async (_, trainBlocks, pool) => {
    const encoder = new Vit(vitConfig.parse(config.model), { imageSize: [32, 32], channels: 3 });
    const model = new Classifier(encoder, { classes: 3, pool, trainBlocks });
    const noise = new Rng(1, "noise");
    model.initialize(noise);
    noGrad(() =>
      scope(() => {
        for (const [name, parameter] of model.state())
          parameter.add_(noise.fork(name).normal(parameter.shape).reshape(parameter.shape).abs().mul(0.2));
      }),
    );
    const finetune = parseFinetune({
      data: { source: { kind: "cifar10", split: "train" }, imageSize: 32, batchSize: 8 },
      model: config.model,
      classes: ["a", "b", "c"],
      pool,
      trainBlocks,
    });
    for (const precision of ["fp32", "fp16"] as const) {
      const file = classifierOnnx({ config: finetune, model, step: 3 }, { precision });
      const found = await differences(
        file,
        5,
        () => ({}),
        (image) => ({ logits: model.call(image) }),
        "pixel_values",
      );
      expect(found["logits"]).toBeLessThan(precision === "fp32" ? 1e-4 : 1e-2);
      const { metadataProps } = decodeModel(file.bytes());
      expect(metadataProps.find(({ key }) => key === "labels")?.value).toBe('["a","b","c"]');
    }
    model.close();
  });
});

test("a file tells how to feed it, who made it and under which terms", () => {
  const model = small();
  const { metadataProps, producerName, opsetImport } = decodeModel(
    encoderOnnx(model, { license: "CC-BY-4.0" }).bytes(),
  );
  const metadata = Object.fromEntries(metadataProps.map(({ key, value }) => [key, value]));
  expect([producerName, opsetImport[0]?.version, metadata["license"]]).toEqual(["lacuna", 18, "CC-BY-4.0"]);
  expect(JSON.parse(metadata["preprocessing"] ?? "")).toMatchObject({ centerCrop: [32, 32], mean: config.data.mean });
  model.method.close();
});

test("a block that is not there, and a method that fills nothing in", () => {
  const model = small();
  expect(() => encoderOnnx(model, { layers: [2] })).toThrow("in layers: there is no block 2.");
  const blind = { ...model, method: { fillIn: undefined } as unknown as Mae };
  expect(() => autoencoderOnnx(blind)).toThrow(
    "in method.name: mae does not fill in pictures. Export its encoder instead.",
  );
  model.method.close();
});
