/**
 * SupMAE on CIFAR-10, small enough for two cores. Paper: Liang, Li, Marculescu, arXiv 2205.14540.
 *
 *   npx lacuna pretrain recipes/supmae-cifar10.ts --seed=0
 *
 * Cost: 22.77 M multiply-adds a picture, for 50,000 pictures 10.23 T multiply-adds in all.
 * Expected (records/2026-11-30-three-methods-cifar10): 20-NN from 25.0 to 38.6 %,
 * linear probe from 38.3 to 47.6 % (as a run probes itself), mean of two seeds. It learns from labels too.
 */
import { defineRun } from "lacuna";
import reference from "./mae-cifar10-reference.js";

export default defineRun({
  seed: 0,
  epochs: 3,
  model: { name: "vit", width: 128, depth: 4, heads: 4, patchSize: 4 },
  method: { name: "supmae", augmentation: "fixedCrop", decoder: { width: 96, heads: 3 }, hidden: 512 },
  data: reference.data,
  // 58 of 585 steps warm up; at batch 256 the base rate is the rate.
  optim: { name: "adamw", baseLearningRate: 1e-3, warmupEpochs: 58 / 195 },
});
