/**
 * Siamese view of masked image modelling on CIFAR-10, small enough for two cores. Paper: Kong and Zhang, CVPR 2023, arXiv 2208.04164, of which
 * the abstract alone was at hand: the settings are those of recipes/mae-cifar10-reference.ts.
 *
 *   npx lacuna pretrain recipes/siamese-mim-cifar10.ts --seed=0
 *   npx lacuna pretrain recipes/siamese-mim-cifar10.ts --method.similarity=tokens
 *
 * Cost: 215.6 M multiply-adds a picture, for 50,000 pictures 96.88 T multiply-adds in all.
 * Expected: the paper's abstract has no number; none is recorded here yet.
 */
import { defineRun } from "lacuna";
import reference from "./mae-cifar10-reference.js";

export default defineRun({
  seed: 0,
  epochs: 3,
  model: { name: "vit", width: 192, depth: 6, heads: 3, patchSize: 4 },
  method: {
    name: "siameseMim",
    augmentation: "fixedCrop",
    decoder: { width: 96, depth: 2, heads: 3 },
    hidden: 384,
    momentum: { from: 0.99, to: 1 },
  },
  data: reference.data,
  optim: { name: "adamw", baseLearningRate: 6e-4, warmupEpochs: 0.3 },
});
