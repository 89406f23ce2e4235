/**
 * CMAE on CIFAR-10, small enough for two cores. Paper: Huang et al., TPAMI 2024, arXiv 2207.13532.
 *
 *   npx lacuna pretrain recipes/cmae-cifar10.ts --seed=0
 *
 * Cost: 266.5 M multiply-adds a picture, for 50,000 pictures 64.91 T multiply-adds in all.
 * Expected: the paper trains on ImageNet alone; nobody has published numbers for CIFAR-10, and none are recorded here yet.
 */
import { defineRun } from "lacuna";
import reference from "./mae-cifar10-reference.js";

const decoder = { width: 96, heads: 3 };

export default defineRun({
  seed: 0,
  epochs: 3,
  model: { name: "vit", width: 192, depth: 6, heads: 3, patchSize: 4 },
  method: {
    name: "cmae",
    decoder: { ...decoder, depth: 2 },
    featureDecoder: { ...decoder, depth: 1 },
    projector: { hidden: 384 },
    predictor: { hidden: 384 },
    momentum: 0.99,
    augmentation: { blur: false },
  },
  data: reference.data,
  optim: { name: "adamw", baseLearningRate: 6e-4, warmupEpochs: 0.3 },
});
