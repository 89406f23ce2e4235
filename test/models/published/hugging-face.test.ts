import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { labelsOf, preprocessor, sorted } from "../../../src/models/published/hugging-face.js";

// By save_pretrained of transformers: make_published.py.
const { configs } = JSON.parse(readFileSync(new URL("../../reference/published.json", import.meta.url), "utf8"));

test("every key and value of the preprocessing is the one that transformers writes", () => {
  const written = preprocessor({ imageSize: [224, 224], channels: 3 });
  expect(JSON.parse(JSON.stringify(written))).toEqual(configs.preprocessor);
});

test("pictures that are not square: the longer side decides, the middle is cut out", () => {
  const { size, crop_size, do_convert_rgb } = preprocessor(
    { imageSize: [32, 64], channels: 1 },
    { mean: [0], std: [1] },
  );
  expect({ size, crop_size, do_convert_rgb }).toEqual({
    size: { shortest_edge: 64 },
    crop_size: { height: 32, width: 64 },
    do_convert_rgb: false,
  });
});

test("classes by name, by number, and not where transformers writes none", () => {
  expect(labelsOf(2, ["cat", "dog"])).toEqual({ id2label: { 0: "cat", 1: "dog" }, label2id: { cat: 0, dog: 1 } });
  expect(labelsOf(3, undefined)).toMatchObject({ label2id: { LABEL_2: 2 } });
  expect([labelsOf(2, undefined), labelsOf(0, undefined)]).toEqual([{}, {}]);
  expect(Object.keys(sorted({ b: 1, a: 2 }))).toEqual(["a", "b"]);
});
