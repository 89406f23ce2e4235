/**
 * BEiT v2 on CIFAR-10, for two cores. Paper: Peng et al., arXiv 2208.06366.
 *
 *   npx lacuna pretrain recipes/beitv2-cifar10.ts --seed=0 --method.tokenizer.name=vqkd --method.tokenizer.run=runs/tokens
 *
 * The tokenizer is a run of recipes/vqkd-cifar10.ts. Without the two settings of it tokens are 512 patches of 4 × 4 pixels by k-means, and only
 * the patch aggregation is BEiT v2's.
 *
 * Cost: 250.1 M multiply-adds a picture, for 50,000 pictures 111.9 T multiply-adds in all.
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
  method: { name: "beitv2", tokenizer: { name: "kMeans" }, augmentation: "fixedCrop" },
  data: reference.data,
  optim: { name: "adamw", baseLearningRate: 1e-3, betas: [0.9, 0.98], clipNorm: 3, warmupEpochs: 0.3 },
});
