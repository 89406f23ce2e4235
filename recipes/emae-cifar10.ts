/**
 * EMAE beside MAE on CIFAR-10 at equal forward cost: recipes/mae-cifar10-reference.ts with four parts of each picture at
 * once. A step on 64 pictures costs the forward passes of MAE's 256; 585 of them see three quarters of the pictures, in
 * the time in which MAE sees all of them three times. Paper: Li et al., TPAMI 2024, arXiv 2302.14431.
 *
 *   npx lacuna pretrain recipes/emae-cifar10.ts --seed=0
 *
 * Steps, warm-up and rate are the MAE run's: at 64 pictures that is four times its base rate.
 *
 * Cost: 249.9 M multiply-adds a picture, for 50,000 pictures 28.07 T multiply-adds in all, as the MAE run.
 * Expected (records/2026-11-25-emae-cifar10): 20-NN 31.4 % with this weight, 36.8 with 0.5 and 39.3 with 0, where MAE has 39.5; in so
 * short a run the consistency loss slows learning. Nobody has published this comparison.
 */
import { defineRun } from "lacuna";
import reference from "./mae-cifar10-reference.js";

export default defineRun({
  ...reference,
  epochs: 585 / 781,
  method: {
    name: "emae",
    parts: 4,
    consistencyWeight: 1,
    augmentation: "fixedCrop",
    decoder: { width: 96, depth: 2, heads: 3 },
  },
  data: { ...reference.data, batchSize: 64 },
  optim: { name: "adamw", baseLearningRate: 4 * 6e-4, warmupEpochs: 58 / 781 },
});
