/**
 * CAE on CIFAR-10, for two cores. Paper: Chen et al., IJCV 2023, arXiv 2202.03026.
 *
 *   npx lacuna pretrain recipes/cae-cifar10.ts --seed=0
 *
 * Tokens are 512 patches of 4 × 4 pixels by k-means, in place of DALL-E's.
 *
 * Cost: 249.2 M multiply-adds a picture, for 50,000 pictures 84.42 T multiply-adds in all.
 * Expected: the paper trains on ImageNet alone; nobody has published numbers for CIFAR-10, and none are recorded here yet.
 */
import { defineRun } from "lacuna";
import reference from "./mae-cifar10-reference.js";

export default defineRun({
  seed: 0,
  epochs: 3,
  model: { name: "vit", width: 192, depth: 6, heads: 3, patchSize: 4, layerScale: 0.1, keyBias: false },
  method: {
    name: "cae",
    tokenizer: { name: "kMeans", vocabulary: 512 },
    regressor: { depth: 2 },
    decoder: { depth: 2 },
    augmentation: "fixedCrop",
  },
  data: reference.data,
  optim: { name: "adamw", baseLearningRate: 1e-3, betas: [0.9, 0.999], clipNorm: 3, warmupEpochs: 0.3 },
});
