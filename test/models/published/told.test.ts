import { expect, test } from "vitest";
import type { TensorFile } from "../../../src/models/published/files.js";
import { toldBeside, toldByLacuna, unpublishedDecoder } from "../../../src/models/published/told.js";

function file(parts: Partial<TensorFile> & { jsons?: Record<string, Record<string, unknown>> }): TensorFile {
  return {
    path: "x",
    files: ["x"],
    format: "safetensors",
    names: [],
    entry: () => expect.fail("no tensors"),
    read: () => expect.fail("no tensors"),
    metadata: {},
    options: new Map(),
    besides: [],
    prefix: "",
    json: (name) => parts.jsons?.[name],
    [Symbol.dispose]: () => {},
    ...parts,
  };
}

test("options of the official script", () => {
  const options = new Map<unknown, unknown>([
    ["norm_pix_loss", true],
    ["mask_ratio", 0.6],
    ["input_size", 64],
  ]);
  expect(toldBeside(file({ options }))).toMatchObject({
    hints: { imageSize: [64, 64] },
    pretraining: { maskRatio: 0.6, normalizeTargets: true },
    normalization: undefined,
    assumed: ["pictures normalised by ImageNet's mean and deviation"],
  });
});

test("files of transformers and timm beside the weights", () => {
  const transformers = file({
    jsons: {
      "config.json": {
        num_attention_heads: 3,
        image_size: [32, 64],
        layer_norm_eps: 1e-6,
        id2label: { 0: "cat", 1: "dog" },
      },
      "preprocessor_config.json": { image_mean: [0.5, 0.5, 0.5], image_std: [0.25, 0.25, 0.25] },
    },
  });
  expect(toldBeside(transformers)).toMatchObject({
    hints: { heads: 3, imageSize: [32, 64] },
    normalization: { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
    classes: ["cat", "dog"],
    assumed: [],
  });
  const timm = file({ jsons: { "config.json": { pretrained_cfg: { mean: [0.1, 0.2, 0.3], std: [1, 1, 1] } } } });
  expect(toldBeside(timm).normalization).toEqual({ mean: [0.1, 0.2, 0.3], std: [1, 1, 1] });
  const strange = file({ jsons: { "config.json": { image_size: "big", num_attention_heads: "3" } } });
  expect(toldBeside(strange).hints).toEqual({ heads: undefined, decoderHeads: undefined, imageSize: undefined });
});

test("the configuration in a checkpoint of ours", () => {
  const config = {
    model: { size: "small" },
    method: { maskRatio: 0.5, normalizeTargets: false, decoder: { heads: 8 } },
    data: { imageSize: 32, mean: [0], std: [1] },
  };
  const told = toldByLacuna(file({ metadata: { config: JSON.stringify(config) } }));
  expect(told).toMatchObject({
    hints: { heads: 6, decoderHeads: 8, imageSize: [32, 32] },
    pretraining: { maskRatio: 0.5, normalizeTargets: false },
    normalization: { mean: [0], std: [1] },
    config,
  });
  expect(() => toldByLacuna(file({}))).toThrow(/has no configuration/);
});

test("decoders that predict something else than pixels are not the published one", () => {
  const of = (method: object) => unpublishedDecoder(file({ metadata: { config: JSON.stringify({ method }) } }));
  expect([of({}), of({ target: "pixels" }), of({ target: "pca" }), of({ maskTokenInEncoder: true })]).toEqual([
    undefined,
    undefined,
    "it predicts pca",
    "the mask token stands in the encoder",
  ]);
});
