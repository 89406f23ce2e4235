/**
 * A stem of convolutions instead of the patch projection: does a ViT then bear other optimisers and rates? Xiao et
 * al., NeurIPS 2021, arXiv 2106.14881, trained with labels as in the paper, on 10,000 pictures of CIFAR-10 with ViTs
 * of four blocks.
 *
 *   npx lacuna sweep recipes/studies/conv-stem.ts
 *
 * Cost: 65.43 T multiply-adds of training, meant for half an hour of two cores.
 * Expected: in the paper a ViT with patch projection loses up to ten points with SGD, one with the stem 0.2 in its
 * longer runs, and the stem's rates lie in a wider range. The linear probe on the trained encoder stands for its
 * classifier here.
 */
import { defineSweep } from "lacuna";
import simsiam from "./simsiam.js";

const adamw = { "optim.name": "adamw", "optim.weightDecay": 0.24 } as const;
const sgd = { "optim.name": "sgd", "optim.weightDecay": 2e-5 } as const;
const stem = { "model.name": "vitConvStem" } as const;

export default defineSweep({
  title: "Stem, optimiser and rate, ViTs on CIFAR-10",
  base: {
    ...simsiam.base,
    epochs: 5,
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
    optim: { name: "adamw", warmupEpochs: 0.5 },
  },
  points: {
    patchAdamw1: { ...adamw, "optim.baseLearningRate": 1e-3 },
    patchAdamw4: { ...adamw, "optim.baseLearningRate": 4e-3 },
    patchSgd1: { ...sgd, "optim.baseLearningRate": 0.1 },
    patchSgd4: { ...sgd, "optim.baseLearningRate": 0.4 },
    stemAdamw1: { ...stem, ...adamw, "optim.baseLearningRate": 1e-3 },
    stemAdamw4: { ...stem, ...adamw, "optim.baseLearningRate": 4e-3 },
    stemSgd1: { ...stem, ...sgd, "optim.baseLearningRate": 0.1 },
    stemSgd4: { ...stem, ...sgd, "optim.baseLearningRate": 0.4 },
  },
  evaluate: simsiam.evaluate,
});
