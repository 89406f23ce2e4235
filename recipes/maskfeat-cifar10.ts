/**
 * MaskFeat on CIFAR-10, for two cores. Paper: Wei et al., CVPR 2022, arXiv 2112.09133.
 *
 *   npx lacuna pretrain recipes/maskfeat-cifar10.ts --seed=0
 *
 * A patch has 4 × 4 pixels: one histogram for each of its channels, 27 numbers.
 *
 * Cost: 183.0 M multiply-adds a picture, for 50,000 pictures 82.22 T multiply-adds in all.
 * Expected: the paper trains on ImageNet alone; nobody has published numbers for CIFAR-10, and none are recorded here yet.
 */
import { defineRun } from "lacuna";
import reference from "./mae-cifar10-reference.js";

export default defineRun({
  seed: 0,
  epochs: 3,
  model: { name: "vit", width: 192, depth: 6, heads: 3, patchSize: 4 },
  method: { name: "maskFeat", cells: 1, augmentation: "fixedCrop" },
  data: reference.data,
  optim: { name: "adamw", baseLearningRate: 1e-3, betas: [0.9, 0.999], clipNorm: 0.02, warmupEpochs: 0.3 },
});
