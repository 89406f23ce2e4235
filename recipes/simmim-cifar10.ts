/**
 * SimMIM with a small Swin Transformer on CIFAR-10, for two cores. Paper: Xie et al., CVPR 2022, arXiv 2111.09886.
 *
 *   npx lacuna pretrain recipes/simmim-cifar10.ts --seed=0
 *
 * Patches are single pixels and windows 4 × 4, so that the last map has 4 × 4 places of 8 pixels, ten of which are hidden.
 *
 * Cost: 111.8 M multiply-adds a picture, for 50,000 pictures 50.22 T multiply-adds in all.
 * Expected: the paper trains on ImageNet alone; nobody has published numbers for CIFAR-10, and none are recorded here yet.
 */
import { defineRun } from "lacuna";
import reference from "./mae-cifar10-reference.js";

export default defineRun({
  seed: 0,
  epochs: 3,
  model: { name: "swin", width: 32, depths: [2, 2, 2, 2], patchSize: 1, window: 4 },
  method: { name: "simmim", unit: 8, augmentation: "fixedCrop" },
  data: reference.data,
  optim: { name: "adamw", baseLearningRate: 1e-3, betas: [0.9, 0.999], clipNorm: 5, warmupEpochs: 0.3 },
});
