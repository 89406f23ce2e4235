import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { resolveRun, runConfigKeys } from "../../../src/cli/config/resolve.js";
import type { VitConfig } from "../../../src/models/vit.js";
import { micro, writeOfficial } from "../../models/published/formula.js";
import { makePictures, temporaryFolder } from "../terminal.js";

const source = { kind: "cifar10", split: "train" };

function recipe(value: unknown): string {
  const path = join(temporaryFolder(), "mine.json");
  writeFileSync(path, JSON.stringify(value));
  return path;
}

test("the keys are those of the schema", async () => {
  const paths = (await runConfigKeys()).map(({ path }) => path);
  expect(paths).toEqual(
    expect.arrayContaining(["seed", "model.patchSize", "method.decoder.width", "data.source.path"]),
  );
  expect(paths).toEqual(expect.arrayContaining(["optim.baseLearningRate", "optim.momentum", "log.previewSeconds"]));
});

describe("resolveRun", () => {
  test("flags lie over the recipe, the schema's defaults below it", async () => {
    const path = recipe({ epochs: 2, data: { source, batchSize: 32 } });
    const { name, config, defaults } = await resolveRun([path, "--data.batchSize=64", "--optim.clipNorm=1"], []);
    expect(name).toBe("mine");
    expect(config).toMatchObject({
      epochs: 2,
      data: { batchSize: 64, imageSize: 224 },
      optim: { name: "adamw", clipNorm: 1 },
    });
    expect(defaults).toBeUndefined();
  });

  test("a run that begins with somebody else's weights has their sizes, and what is said of them", async () => {
    const folder = await makePictures(temporaryFolder(), 4);
    const init = writeOfficial(join(temporaryFolder(), "theirs.pth"), micro);
    const { config } = await resolveRun([folder, "--init", init], [], undefined, { heads: 4, std: [0.1, 0.1, 0.1] });
    expect(config).toMatchObject({
      init,
      initHints: { heads: 4, std: [0.1, 0.1, 0.1] },
      model: { width: 16, heads: 4 },
      data: { imageSize: 16, std: [0.1, 0.1, 0.1] },
    });
    const bare = resolveRun([folder], [], undefined, { teacher: true });
    await expect(bare).rejects.toThrow("in initHints: expected init beside it");
  });

  test("a folder's run is chosen, and what is given is kept", async () => {
    const folder = await makePictures(temporaryFolder(), 4);
    const { config, defaults } = await resolveRun([folder, "--data.imageSize=24", "--epochs=5"], []);
    expect(config).toMatchObject({ epochs: 5, data: { imageSize: 24, source: { kind: "folder", path: folder } } });
    expect(24 % ((config.model as VitConfig).patchSize as number)).toBe(0);
    expect(defaults?.choices.find(({ key }) => key === "data.imageSize")?.reason).toBe("as you said");
  });

  test("an unknown key of a recipe is refused with the nearest", async () => {
    const path = recipe({ data: { source }, method: { mask_ratio: 0.5 } });
    await expect(resolveRun([path], [])).rejects.toThrow(/in method\.mask_ratio: .* Did you mean method\.maskRatio\?/);
  });

  test("a wrong value says where, what was expected and what came", async () => {
    const path = recipe({ data: { source }, method: { maskRatio: 75 } });
    await expect(resolveRun([path], [])).rejects.toThrow(
      /in method\.maskRatio: expected a number between 0 and 1, got 75\. Did you mean 0\.75\?/,
    );
  });

  test("one folder or recipe is wanted", async () => {
    await expect(resolveRun([], [])).rejects.toThrow(/one folder of pictures or one recipe, got none/);
    await expect(resolveRun(["a", "b"], [])).rejects.toThrow(/got a b/);
  });
});
