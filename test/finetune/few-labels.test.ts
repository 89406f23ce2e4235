import { expect, test } from "vitest";
import { type FinetuneConfigInput, parseFinetune } from "../../src/finetune/config.js";
import { fewLabelChoices, fewLabels } from "../../src/finetune/few-labels.js";

const config = (changes: Partial<FinetuneConfigInput> = {}, batchSize = 32) =>
  parseFinetune({ from: "runs/mae", data: { source: { kind: "folder", path: "photos" }, batchSize }, ...changes });
const chosen = (labels: number, ...given: Parameters<typeof config>): Record<string, unknown> =>
  Object.fromEntries(fewLabelChoices(labels, config(...given)).map(({ key, value }) => [key, value]));
const light = {
  "augmentation.randAugment.operations": 0,
  "augmentation.erasing.probability": 0,
  "augmentation.mixing.probability": 0,
};

test("few labels: crops and flips alone, and the rate of a batch of 256 at the peak, by the size of the model", () => {
  expect(chosen(401)).toEqual({ "optim.baseLearningRate": 8e-3, ...light });
  expect(chosen(401, { model: { name: "vit", size: "base" } })).toEqual({ "optim.baseLearningRate": 4e-3, ...light });
  expect(chosen(401, {}, 512)).toEqual(light);
});

test("with more than that the published recipe stays", () => {
  expect(chosen(fewLabels)).toMatchObject(light);
  expect(chosen(fewLabels + 1)).toEqual({});
  expect(chosen(50_000, {}, 1024)).toEqual({});
});

test("a probe and a run from scratch keep their recipes; another optimiser its rate", () => {
  expect(chosen(401, { trainBlocks: 0 })).toEqual({});
  expect(chosen(401, { from: undefined })).toEqual({});
  expect(chosen(401, { optim: { name: "sgd" } })).toEqual(light);
});
