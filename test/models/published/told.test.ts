import { expect, test } from "vitest";
import type { TensorFile } from "../../../src/models/published/files.js";
import {
  checkTold,
  classesTold,
  epsilonNote,
  imageSizeTold,
  normalizationTold,
  numberTold,
  toldOrOption,
} from "../../../src/models/published/told.js";

function file(jsons: Record<string, Record<string, unknown>>, options = new Map<unknown, unknown>()): TensorFile {
  return {
    path: "x",
    files: ["x"],
    format: "safetensors",
    names: [],
    entry: () => expect.fail("no tensors"),
    read: () => expect.fail("no tensors"),
    metadata: {},
    options,
    besides: [],
    prefix: "",
    json: (name) => jsons[name],
    [Symbol.dispose]: () => {},
  };
}

test("options of the official script", () => {
  const options = new Map<unknown, unknown>([
    ["norm_pix_loss", true],
    ["input_size", 64],
  ]);
  const official = file({}, options);
  expect([imageSizeTold(official), toldOrOption(official, "norm_pix_loss")]).toEqual([[64, 64], true]);
  expect([normalizationTold(official), classesTold(official)]).toEqual([undefined, undefined]);
});

test("files of transformers beside the weights", () => {
  const transformers = file({
    "config.json": {
      num_attention_heads: 3,
      image_size: [32, 64],
      id2label: { 0: "cat", 1: "dog" },
      hidden_act: "relu",
    },
    "preprocessor_config.json": { image_mean: [0.5, 0.5, 0.5], image_std: [0.25, 0.25, 0.25] },
  });
  expect(numberTold(transformers, "num_attention_heads")).toBe(3);
  expect(imageSizeTold(transformers)).toEqual([32, 64]);
  expect(normalizationTold(transformers)).toEqual({ mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] });
  expect(classesTold(transformers)).toEqual(["cat", "dog"]);
  expect(() => checkTold(transformers, { hidden_act: "gelu" })).toThrow(/says hidden_act "relu"; this model has gelu/);
});

test("timm's configuration, channels first", () => {
  const pretrained_cfg = { mean: [0.1, 0.2, 0.3], std: [1, 1, 1], input_size: [3, 288, 288] };
  const timm = file({ "config.json": { pretrained_cfg } });
  expect(normalizationTold(timm)).toEqual({ mean: [0.1, 0.2, 0.3], std: [1, 1, 1] });
  expect(imageSizeTold(timm)).toEqual([288, 288]);
});

test("what is no size, no number or no name tells nothing; another ε is said", () => {
  const strange = file({ "config.json": { image_size: "big", num_attention_heads: "3", id2label: {} } });
  expect([imageSizeTold(strange), numberTold(strange, "num_attention_heads"), classesTold(strange)]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  expect(epsilonNote(file({ "config.json": { layer_norm_eps: 1e-12 } }))).toEqual([
    "layer norm ε 1e-6, where config.json says 1e-12",
  ]);
  expect(epsilonNote(file({ "config.json": { layer_norm_eps: 1e-6 } }))).toEqual([]);
});
