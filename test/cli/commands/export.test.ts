import { join } from "node:path";
import { expect, test } from "vitest";
import { noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import { Rng } from "../../../src/tensor/random.js";
import type { Tensor } from "../../../src/tensor/tensor.js";
import { loadModel } from "../../../src/train/load.js";
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
  expect((await lacuna("export", "none", "--onnx", "none/a.onnx")).error).toContain("a folder that exists");
  expect((await lacuna("export", "none", "--onnx", "a.onnx", "--layers", "x")).error).toContain(
    "Expected numbers like",
  );
});
