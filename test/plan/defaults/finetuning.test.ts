import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { surveyPictures } from "../../../src/data/doctor/survey.js";
import { openSource } from "../../../src/data/source.js";
import type { FinetuneConfigInput } from "../../../src/finetune/config.js";
import { resolveFinetune } from "../../../src/finetune/finetune.js";
import { chooseDefaults } from "../../../src/plan/defaults/choose.js";
import { chooseFinetuning } from "../../../src/plan/defaults/finetuning.js";
import { machineFacts } from "../../../src/plan/defaults/machine.js";
import { writeClasses } from "../../finetune/example.js";
import { workFolder } from "../../train/example.js";

const work = workFolder("choose-finetuning");
afterAll(work.remove);
/** Three classes of eight pictures each. */
const photos = await writeClasses(join(work.path, "photos"), 8);
const source = { kind: "folder", path: photos } as const;
const tiny = { name: "vit", width: 16, heads: 2, depth: 1, patchSize: 8 } as const;

test("from scratch: the model that pre-training would choose, a batch that fits, shifts instead of crops of a small picture", async () => {
  const { config, choices } = await chooseFinetuning({ epochs: 3, data: { source } });
  const survey = await surveyPictures(await openSource(source));
  const pretraining = chooseDefaults(source, survey, machineFacts(undefined), {}).config;
  const side = pretraining.data.imageSize as number;
  expect(config).toMatchObject({ model: pretraining.model, data: { imageSize: side, batchSize: 8 } });
  const padding = Math.round(side / 8);
  expect(config.augmentation?.crop).toEqual({ name: "shifted", padding });
  expect(choices).toEqual([
    "3 classes: apple, bee, cat",
    expect.stringMatching(/^model .*: what pre-training would choose for these pictures$/),
    "batch 8: the recipe's 4096, with at least 8 steps an epoch of 24 pictures",
    `pictures of ${side} pixels are shifted by up to ${padding} pixels instead of being cut to a twelfth`,
  ]);
});

test("what is said is not chosen", async () => {
  const said = {
    model: tiny,
    data: { source, imageSize: 32, batchSize: 4 },
    augmentation: { crop: { name: "middle" } },
  } as const satisfies FinetuneConfigInput;
  expect(await chooseFinetuning(said)).toEqual({ config: said, choices: ["3 classes: apple, bee, cat"] });
});

test("large pictures are computed in parts; labels that are left out do not count for the batch", async () => {
  const data = { source, imageSize: 96 } as const;
  const { config } = await chooseFinetuning({ model: tiny, data: { ...data, batchSize: 256 } });
  expect(config.optim).toBeUndefined(); // a batch that is said is left as it is
  const { choices } = await chooseFinetuning({ model: tiny, data: { ...data, labels: { perClass: 2 } } });
  expect(choices[1]).toContain("steps an epoch of 6 pictures");
});

test("a linear probe keeps the paper's absolute rate with a small batch, unless another optimiser or rate is said", async () => {
  const probe = { model: tiny, trainBlocks: 0, data: { source, imageSize: 32 } } as const;
  const { config, choices } = await chooseFinetuning(probe);
  const { optim, data } = resolveFinetune(config);
  expect(optim.name).toBe("lars");
  expect((optim.baseLearningRate * data.batchSize) / 256).toBeCloseTo(0.1 * (16384 / 256), 9);
  expect(choices.join()).toContain("rate 6.4 whatever the batch");
  const own = await chooseFinetuning({ ...probe, optim: { name: "adamw", baseLearningRate: 0.001 } });
  expect(own.config.optim).toEqual({ name: "adamw", baseLearningRate: 0.001 });
});
