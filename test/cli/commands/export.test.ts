import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import { loadClassifier } from "../../../src/index.js";
import { pageDescription } from "../../../src/page/description.js";
import { Rng } from "../../../src/tensor/random.js";
import type { Tensor } from "../../../src/tensor/tensor.js";
import { loadModel } from "../../../src/train/checkpoints/load.js";
import { trainedClassifier } from "../../finetune/example.js";
import { openSession } from "../../graph/onnx/runtime.js";
import { relativeDifference } from "../../numbers.js";
import { lacuna, temporaryFolder, tinyRun } from "../terminal.js";

test("the encoder of a run and its autoencoder: files that give the run's own numbers", async () => {
  const folder = temporaryFolder();
  const { run } = await tinyRun(folder);
  const [encoder, whole] = [join(folder, "encoder.onnx"), join(folder, "whole.onnx")];
  const { code, out } = await lacuna("export", run, "--onnx", encoder, "--layers=0", "--license", "CC0-1.0", "--json");
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({
    files: [encoder],
    what: "encoder",
    inputs: ["pixel_values float32 [batch, 3, 32, 32]"],
    outputs: [
      "last_hidden_state float32 [batch, 17, 16]",
      "pooler_output float32 [batch, 16]",
      "hidden_states.0 float32 [batch, 17, 16]",
    ],
  });
  const session = await openSession(encoder);
  const image = new Rng(1, "image", 0, [0, 1, 2, 3, 4]).normal([3, 32, 32]);
  const made = await session.run({ pixel_values: image });
  await session.close();
  using model = loadModel(run);
  const difference = noGrad(() =>
    scope(() => relativeDifference(made["pooler_output"] as Tensor, model.encoder.features(image))),
  );
  for (const one of [image, ...Object.values(made)]) one.dispose();
  expect(difference).toBeLessThan(1e-4);
  const told = await lacuna("export", run, "--onnx", whole, "--what", "autoencoder", "--precision", "int8");
  expect(told.out).toMatch(/whole\.onnx: .*B, the autoencoder of .*, int8/);
  expect(told.out).toContain("ids_restore int64 [batch, 16]");
});

test("what cannot be written is said before anything is read", async () => {
  expect(await lacuna("export", "none")).toMatchObject({
    code: 2,
    error: expect.stringContaining("expected what to write, got nothing. For example: lacuna export"),
  });
  expect((await lacuna("export", "none", "--onnx", "a.bin")).error).toContain("a file that ends in .onnx");
  expect((await lacuna("export", "none", "--onnx", "none/a.onnx")).error).toContain("a path that is there");
  expect((await lacuna("export", "none", "--onnx", "a.onnx", "--layers", "x")).error).toContain(
    "Expected numbers like",
  );
});

test("a folder for transformers and transformers.js", async () => {
  const folder = temporaryFolder();
  const { run } = await tinyRun(folder);
  const out = join(folder, "mine");
  const told = await lacuna("export", run, "--hugging-face", out);
  expect(told).toMatchObject({ code: 0, error: "" });
  expect(told.out).toMatch(/mine: 7 files, .*B, for transformers and transformers\.js\n {2}left out: /);
  expect((await lacuna("export", run, "--hugging-face", out)).error).toContain("--overwrite");
  const { huggingFaceFiles } = JSON.parse(
    (await lacuna("export", run, "--hugging-face", out, "--overwrite", "--json")).out,
  );
  expect(huggingFaceFiles).toContain(join(out, "onnx/model.onnx"));
});

test("of a fine-tuned run the classifier; what takes more says what it lacks", async () => {
  const folder = temporaryFolder();
  const { run, photos } = await trainedClassifier(folder);
  const path = join(folder, "classifier.onnx");
  const { out } = await lacuna("export", run, "--onnx", path, "--json");
  expect(JSON.parse(out)).toMatchObject({ files: [path], what: "classifier", step: 1 });
  using classifier = loadClassifier(run);
  const image = new Rng(1, "image", 0, [0, 1, 2]).normal([3, ...classifier.model.encoder.imageSize]);
  const session = await openSession(path);
  const { logits } = await session.run({ pixel_values: image });
  await session.close();
  const difference = noGrad(() => scope(() => relativeDifference(logits as Tensor, classifier.model.call(image))));
  for (const one of [image, logits as Tensor]) one.dispose();
  expect(difference).toBeLessThan(1e-4);
  const encoder = await lacuna("export", run, "--onnx", path, "--what", "encoder");
  expect(encoder.error).toContain("its encoder has no norm of its own");
  expect((await lacuna("embed", run, photos, "--out", join(folder, "features.npy"))).code).toBe(0);
  const page = await lacuna("export", run, "--onnx", path, "--page", join(folder, "site"));
  expect(page.error).toContain("it holds an encoder alone"); // not the half of what was asked for
  const both = await lacuna("export", run, "--onnx", path, "--what", "classifier", "--page", join(folder, "site"));
  expect(both.error).toContain("classifier with --onnx alone");
  const { run: pretrained } = await tinyRun(temporaryFolder());
  const told = await lacuna("export", pretrained, "--onnx", path, "--what", "classifier");
  expect(told.error).toContain("no classifier");
});

test("a page: a folder with model, examples and what they are", async () => {
  const folder = temporaryFolder();
  const { run, pictures } = await tinyRun(folder);
  const site = join(folder, "site");
  const flags = ["--examples", join(pictures, "a"), "--count", "3", "--title", "Discs"];
  const told = await lacuna("export", run, "--page", site, ...flags);
  expect(told).toMatchObject({ code: 0, error: "" });
  expect(told.out).toMatch(
    /site: the page, with .*B of model and 3 examples\nNo license is stated: .*\nSee it: lacuna page/,
  );
  const description = pageDescription.parse(JSON.parse(readFileSync(join(site, "page.json"), "utf8")));
  expect(description).toMatchObject({ title: "Discs", license: null, target: "normalizedPixels", patch: [8, 8] });
  expect(description.examples.map(({ name }) => name.slice(-4))).toEqual([".png", ".png", ".png"]);
  for (const file of ["index.html", "ort", "model.onnx", "features.bin", "examples/2.png"])
    expect(existsSync(join(site, file))).toBe(true);
  const again = JSON.parse((await lacuna("export", run, "--page", site, "--license", "CC0", "--json")).out);
  expect(again).toMatchObject({ page: site, examples: 16 });
  expect(existsSync(join(site, "examples", "15.png"))).toBe(true);
  expect(await lacuna("export", "none", "--page", pictures)).toMatchObject({
    code: 1,
    error: expect.stringContaining("this folder holds something that is no page. Name another folder."),
  });
});
