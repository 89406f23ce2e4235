import { join } from "node:path";
import { noGrad } from "../../src/engine/modes.js";
import type { FinetuneConfig, FinetuneConfigInput } from "../../src/finetune/config.js";
import { finetune, finetuning } from "../../src/finetune/finetune.js";
import { derive } from "../../src/train/config.js";
import { Trainer } from "../../src/train/trainer.js";
import { writePictures } from "../train/example.js";

/** Three classes of pictures of 20 × 20, `count` each, in a folder a class. */
export async function writeClasses(folder: string, count = 8): Promise<string> {
  for (const name of ["apple", "bee", "cat"]) await writePictures(join(folder, name), count);
  return folder;
}

/** A supervised run of a second or two on them: 12 steps, everything that draws random numbers switched on. */
export function tinyFinetune(photos: string, changes: Partial<FinetuneConfigInput> = {}): FinetuneConfigInput {
  const source = { kind: "folder", path: photos } as const;
  return {
    seed: 5,
    epochs: 4,
    precision: "float32",
    model: { name: "vit", width: 16, depth: 2, heads: 2, patchSize: 4, dropPath: 0.3 },
    data: { source, heldOut: source, imageSize: 16, batchSize: 8, workers: 0 },
    augmentation: { erasing: { probability: 0.5 } },
    optim: { name: "adamw", baseLearningRate: 0.05, layerDecay: 0.75, warmupEpochs: 1 },
    ...changes,
  };
}

/** A finished run of one epoch on `count` pictures of each class. @returns its folder */
export async function trainedClassifier(folder: string, count = 4): Promise<{ run: string; photos: string }> {
  const photos = await writeClasses(join(folder, "photos"), count);
  const run = join(folder, "run");
  await using training = finetune(tinyFinetune(photos, { epochs: 1 }), { out: run });
  for await (const _ of training);
  return { run, photos };
}

/** Classifier and optimiser of a supervised run, as the loop builds them. */
export function supervisedTrainer(config: FinetuneConfig, pictures: number): Trainer {
  const source = undefined as never; // a supervised run's training follows from its configuration
  const trainer = new Trainer(config, derive(config, pictures), "float32", finetuning.training(config, source));
  noGrad(() => trainer.method.begin?.());
  return trainer;
}
