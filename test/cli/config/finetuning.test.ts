import { join } from "node:path";
import { expect, test } from "vitest";
import { finetuneConfigKeys, resolveFinetuning } from "../../../src/cli/config/finetuning.js";
import { resolveFinetune } from "../../../src/public/train.js";
import { makePictures, temporaryFolder, tinyRun } from "../terminal.js";

/** Two classes of twelve pictures each. */
async function classes(): Promise<string> {
  const folder = temporaryFolder();
  for (const name of ["apple", "bee"]) await makePictures(join(folder, name), 12);
  return folder;
}

test("from scratch: the model that pre-training would choose, a batch that fits, a fifth for judging", async () => {
  const data = await classes();
  const { name, config, choices } = await resolveFinetuning(["scratch", "--epochs=3"], { data });
  expect(name).toBe("finetune-scratch");
  expect(config).toMatchObject({
    epochs: 3,
    data: { source: { kind: "folder", path: data, part: "train" }, heldOut: { part: "heldOut" }, batchSize: 8 },
  });
  expect(config.model).toBeDefined();
  expect(choices.join("\n")).toMatch(/batch 8: the recipe's 4096/);
});

test("options become keys; what is said is not chosen", async () => {
  const data = await classes();
  const flags = ["scratch", "--model.width=16", "--model.heads=2", "--model.depth=1", "--model.patchSize=8"];
  const sized = [...flags, "--data.imageSize=32", "--data.batchSize=4", "--augmentation.crop.name=middle"];
  const options = { data, labelsPerClass: 2, labelSeed: 1, trainBlocks: "0.5" };
  const { config, choices } = await resolveFinetuning(sized, options);
  expect(config).toMatchObject({
    trainBlocks: 0.5,
    data: { labels: { perClass: 2, seed: 1 }, batchSize: 4 },
    augmentation: { crop: { name: "middle" } },
  });
  expect(choices).toEqual(["pictures: a fifth of each class, chosen by name, is judged", "2 classes: apple, bee"]);
});

test("of a set in three parts the validation pictures are watched, and the test pictures are left", async () => {
  const data = temporaryFolder();
  for (const name of ["train", "valid", "testing"]) await makePictures(join(data, name), 8);
  const { config, choices } = await resolveFinetuning(["scratch", "--epochs=3"], { data });
  expect(config.data).toMatchObject({
    source: { path: join(data, "train") },
    heldOut: { path: join(data, "valid") },
  });
  expect(choices.slice(0, 2)).toEqual([
    `pictures: ${join(data, "valid")} is judged; the test part is left for: lacuna evaluate classifier <run> --data ${data}`,
    "2 classes: a, b",
  ]);
});

test("from a checkpoint few labels have crops and flips alone, and a rate that does not fall; what is said stays", async () => {
  const { run, pictures } = await tinyRun(temporaryFolder(), { perClass: 12 });
  const { config, choices } = await resolveFinetuning([run, "--augmentation.erasing.probability=0.1"], {
    data: pictures,
  });
  const { augmentation, data, optim } = resolveFinetune(config);
  expect(augmentation).toMatchObject({ mixing: { probability: 0 }, erasing: { probability: 0.1 } });
  expect(augmentation.randAugment.operations).toBe(0);
  expect((optim.baseLearningRate * data.batchSize) / 256).toBeCloseTo(1e-3, 12);
  expect(choices.join("\n")).toContain("optim.baseLearningRate 0.001 at its peak");
});

test("slips: no operand, nothing of that name, no data, a misspelt key", async () => {
  const data = await classes();
  await expect(resolveFinetuning([], { data })).rejects.toThrow("scratch");
  await expect(resolveFinetuning(["runs/none"], { data })).rejects.toMatchObject({ code: "from" });
  await expect(resolveFinetuning(["scratch"], {})).rejects.toThrow("--data");
  await expect(resolveFinetuning(["scratch", "--optim.layerDecoy=1"], { data })).rejects.toThrow("optim.layerDecay");
});

test("every leaf of the schema is a flag", async () => {
  const paths = (await finetuneConfigKeys()).map(({ path }) => path);
  expect(paths).toEqual(
    expect.arrayContaining(["trainBlocks", "optim.layerDecay", "augmentation.mixing.cutmix", "average"]),
  );
});
