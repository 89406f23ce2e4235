import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { vitConfig, vitMaeConfig } from "../../../../src/models/published/vit/hugging-face.js";
import type { VitShape } from "../../../../src/models/published/vit/sizes.js";

// By save_pretrained of transformers, without its version: make_published.py.
const { configs } = JSON.parse(readFileSync(new URL("../../../reference/published.json", import.meta.url), "utf8"));
const tiny: VitShape = {
  width: 192,
  depth: 12,
  heads: 3,
  mlpRatio: 4,
  patchSize: [16, 16],
  grid: [14, 14],
  channels: 3,
};
const asWritten = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

test("every key and value is the one that transformers writes", () => {
  const decoder = { width: 192, depth: 4, heads: 3, mlpRatio: 4 };
  expect(asWritten(vitMaeConfig(tiny, { decoder, maskRatio: 0.75, normalizeTargets: true }))).toEqual(configs.mae);
  expect(asWritten(vitConfig(tiny, 0, undefined))).toEqual(configs.vit);
  expect(asWritten(vitConfig(tiny, 10, undefined))).toEqual(configs.classifier);
});

test("keys stand in the order of the alphabet, as there", () => {
  expect(Object.keys(vitConfig(tiny, 0, undefined))).toEqual(Object.keys(configs.vit));
});

test("an encoder alone, two classes, names of classes, pictures that are not square", () => {
  expect(vitMaeConfig(tiny, {})).toMatchObject({
    architectures: ["ViTMAEModel"],
    decoder_hidden_size: 512,
    mask_ratio: 0.75,
  });
  expect(vitConfig(tiny, 2, undefined)).not.toHaveProperty("id2label");
  expect(vitConfig(tiny, 2, ["cat", "dog"])).toMatchObject({ id2label: { 0: "cat" }, label2id: { dog: 1 } });
  expect(vitConfig({ ...tiny, grid: [7, 14] }, 0, undefined)).toMatchObject({ image_size: [112, 224], patch_size: 16 });
});
