import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { noGrad } from "../../src/engine/modes.js";
import { scope } from "../../src/engine/scope.js";
import { writeHuggingFace } from "../../src/export/hugging-face.js";
import { Rng } from "../../src/tensor/random.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { loadModel } from "../../src/train/checkpoints/load.js";
import { temporaryFolder, tinyRun } from "../cli/terminal.js";
import { openSession } from "../graph/onnx/runtime.js";
import { relativeDifference } from "../numbers.js";

const json = (folder: string, name: string): unknown => JSON.parse(readFileSync(join(folder, name), "utf8"));

test("a folder for transformers: each ONNX file gives the features that the weights beside it give", async () => {
  const { run } = await tinyRun(temporaryFolder());
  const folder = join(temporaryFolder(), "mine");
  using model = loadModel(run);
  const { files, dropped } = writeHuggingFace(model, folder, { license: "CC0-1.0" });
  expect(files.map((file) => file.slice(folder.length + 1)).sort()).toEqual([
    "README.md",
    "config.json",
    "model.safetensors",
    "onnx/model.onnx",
    "onnx/model_fp16.onnx",
    "onnx/model_quantized.onnx",
    "preprocessor_config.json",
  ]);
  expect(dropped.join()).toContain("parts of mae");
  expect(json(folder, "config.json")).toMatchObject({ model_type: "vit", hidden_size: 16, image_size: 32 });
  expect(json(folder, "preprocessor_config.json")).toMatchObject({
    image_processor_type: "BitImageProcessor", // the shorter side, then the middle: what evaluation does
    size: { shortest_edge: 32 },
    crop_size: { height: 32, width: 32 },
    image_mean: model.config.data.mean,
  });
  const card = readFileSync(join(folder, "README.md"), "utf8");
  expect(card).toMatch(/^---\nlicense: cc0-1\.0\n/);
  expect(card).toContain('ViTModel.from_pretrained("mine"');
  using weights = loadModel(folder); // the folder as anybody reads it
  const image = new Rng(1, "image", 0, [0, 1, 2]).normal([3, 32, 32]);
  const bars = { "model.onnx": 1e-4, "model_fp16.onnx": 1e-2, "model_quantized.onnx": 5e-2 };
  for (const [name, bar] of Object.entries(bars)) {
    const session = await openSession(join(folder, "onnx", name));
    const made = await session.run({ pixel_values: image });
    await session.close();
    const differ = noGrad(() =>
      scope(() => relativeDifference(made["pooler_output"] as Tensor, weights.encoder.features(image))),
    );
    for (const one of Object.values(made)) one.dispose();
    expect(differ, name).toBeLessThan(bar);
  }
  image.dispose();
});

test("a model in the way stays as it is unless it may be replaced", async () => {
  const { run } = await tinyRun(temporaryFolder());
  const folder = join(temporaryFolder(), "mine");
  using model = loadModel(run);
  writeHuggingFace(model, folder);
  expect(() => writeHuggingFace(model, folder)).toThrow("there is a file already");
  expect(readFileSync(join(folder, "README.md"), "utf8")).toContain("not stated by who trained it");
  writeHuggingFace(model, folder, { overwrite: true, license: "by arrangement only" });
  expect(readFileSync(join(folder, "README.md"), "utf8")).toMatch(/^---\nlibrary_name/);
});
