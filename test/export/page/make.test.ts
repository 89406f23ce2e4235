import { expect, test } from "vitest";
import { makePage } from "../../../src/export/page/make.js";
import { loadModel } from "../../../src/index.js";
import { pageDescription } from "../../../src/page/description.js";
import { withMethod } from "../../../src/public/models.js";
import { temporaryFolder, tinyRun } from "../../cli/terminal.js";

test("a description of all that the folder holds, and nothing of this machine", async () => {
  const folder = temporaryFolder();
  const { run } = await tinyRun(folder);
  using model = withMethod(loadModel(run, { device: "cpu" }));
  const { description, files } = await makePage(model, { count: 5, license: "CC0" });
  expect(pageDescription.parse(description)).toEqual(description);
  const named = [description.model.file, description.features?.file, ...description.examples.map(({ file }) => file)];
  expect([...files.keys()].sort()).toEqual(named.sort());
  expect(files.get("model.onnx")).toHaveLength(description.model.bytes);
  expect(files.get("features.bin")).toHaveLength(5 * 16 * 4);
  expect(description).toMatchObject({
    license: "CC0",
    model: { outputs: ["prediction", "features", "attention"], heads: 2 },
    image: { height: 32, width: 32, channels: 3 },
    mask: { ratio: 0.75, kind: "random" },
    run: { id: "run", step: 2 },
  });
  expect(JSON.stringify(description)).not.toContain(folder);
});

test("a model that predicts no pixels has no page", async () => {
  const { run } = await tinyRun(temporaryFolder());
  using model = withMethod(loadModel(run, { device: "cpu" }));
  const method = { ...model.config.method, target: "tokens" } as typeof model.config.method;
  const blind: typeof model.method = Object.create(model.method, { pixelTarget: { value: () => undefined } });
  const other = { ...model, method: blind, config: { ...model.config, method } };
  await expect(makePage(other, { count: 1 })).rejects.toThrow(
    /a method that predicts pixels, got mae that predicts tokens/,
  );
});
