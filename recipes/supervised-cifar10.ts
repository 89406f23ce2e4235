/**
 * Supervised training on CIFAR-10, small enough for two cores: what labels teach the same encoder in the same three epochs. Papers: Dosovitskiy
 * et al., arXiv 2010.11929; Touvron et al., arXiv 2012.12877. Of DeiT's augmentation
 * it has shifts, flips and label smoothing alone, since it is so short.
 *
 *   npx lacuna pretrain recipes/supervised-cifar10.ts --seed=0
 *
 * Cost: 55.97 M multiply-adds a picture, for 50,000 pictures 25.14 T multiply-adds in all.
 * Expected (LOG.md, 2026-11-30, one seed): 59.8 % top-1 on the test pictures; as a run probes itself, 20-NN from 27.1 to 58.2 %, linear
 * probe from 37.9 to 57.1 %. Nobody has published a run of exactly these settings.
 */
import { defineRun } from "lacuna";
import reference from "./mae-cifar10-reference.js";

export default defineRun({
  seed: 0,
  epochs: 3,
  model: { name: "vit", width: 128, depth: 4, heads: 4, patchSize: 4 },
  method: {
    name: "supervised",
    augmentation: {
      crop: { name: "shifted" },
      randAugment: { operations: 0 },
      erasing: { probability: 0 },
      mixing: { probability: 0 },
    },
  },
  data: reference.data,
  // 58 of 585 steps warm up; at batch 256 the base rate is the rate.
  optim: { name: "adamw", baseLearningRate: 1e-3, weightDecay: 0.05, warmupEpochs: 58 / 195 },
});
