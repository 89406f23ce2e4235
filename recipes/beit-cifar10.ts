/**
 * BEiT on CIFAR-10, for two cores. Paper: Bao et al., ICLR 2022, arXiv 2106.08254.
 *
 *   npx lacuna pretrain recipes/beit-cifar10.ts --seed=0
 *
 * Tokens are 512 patches of 4 × 4 pixels by k-means, in place of DALL-E's.
 *
 * Cost: 186.9 M multiply-adds a picture, for 50,000 pictures 83.49 T multiply-adds in all.
 * Expected: the paper trains on ImageNet alone; nobody has published numbers for CIFAR-10, and none are recorded here yet.
 */
import { defineRun } from "lacuna";
import reference from "./mae-cifar10-reference.js";

export default defineRun({
  seed: 0,
  epochs: 3,
  model: {
    ...{ name: "vit", width: 192, depth: 6, heads: 3, patchSize: 4 },
    ...{ positions: "none", relativePositions: "shared", layerScale: 0.1, keyBias: false },
  },
  method: { name: "beit", tokenizer: { name: "kMeans", vocabulary: 512 }, augmentation: "fixedCrop" },
  data: reference.data,
  optim: { name: "adamw", baseLearningRate: 1e-3, betas: [0.9, 0.999], clipNorm: 3, warmupEpochs: 0.3 },
});
