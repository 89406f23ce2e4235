/**
 * FCMAE with a small ConvNeXt V2 on CIFAR-10, for two cores. Paper: Woo et al., CVPR 2023, arXiv 2301.00808.
 *
 *   npx lacuna pretrain recipes/fcmae-cifar10.ts --seed=0
 *
 * The first convolution sees single pixels, so that the last map has 4 × 4 cells of 8 pixels.
 *
 * Cost: 17.82 M multiply-adds a picture, for 50,000 pictures 8.00 T multiply-adds in all.
 * Expected (records/2026-11-30-three-methods-cifar10): 20-NN from 22.8 to 33.3 %,
 * linear probe from 29.2 to 36.2 % (as a run probes itself), mean of two seeds.
 */
import { defineRun } from "lacuna";
import reference from "./mae-cifar10-reference.js";

export default defineRun({
  seed: 0,
  epochs: 3,
  model: { name: "convnextV2", widths: 24, depths: [1, 1, 3, 1], stem: 1 },
  method: { name: "fcmae", augmentation: "fixedCrop", decoder: { width: 128 } },
  data: reference.data,
  // 58 of 585 steps warm up; at batch 256 the base rate is the rate.
  optim: { name: "adamw", baseLearningRate: 1e-3, warmupEpochs: 58 / 195 },
});
