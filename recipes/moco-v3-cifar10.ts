/**
 * MoCo v3 on CIFAR-10, small enough for two cores: the configuration of the official code's curves in
 * test/reference/cifar10-moco-v3-curve.json. Paper: Chen, Xie, He, ICCV 2021, arXiv 2104.02057.
 *
 *   npx lacuna pretrain recipes/moco-v3-cifar10.ts --seed=0
 *
 * Two epochs, crops of at least a fifth of the picture and no blur, heads of 512: at 32 pixels and so few steps the paper's settings learn less.
 *
 * Cost: 58.59 M multiply-adds a picture, for 50,000 pictures 11.60 T multiply-adds in all.
 * Expected (records/2026-11-30-moco-v3-cifar10, beside the official code): loss 3.35 at the end,
 * 20-NN from 28.9 to 37.0 % (10,000 pictures each; official code 37.1), linear probe from 31.5 to 38.2 % (as a run probes itself), two seeds.
 */
import { defineRun } from "lacuna";
import reference from "./mae-cifar10-reference.js";

export default defineRun({
  seed: 0,
  epochs: 2,
  model: { name: "vit", width: 128, depth: 4, heads: 4, patchSize: 8 },
  method: {
    name: "mocoV3",
    projector: { hidden: 512 },
    predictor: { hidden: 512 },
    augmentation: { scale: [0.2, 1], blur: false },
  },
  data: reference.data,
  // 58 of 390 steps warm up; at batch 256 the base rate is the rate.
  optim: { name: "adamw", baseLearningRate: 1e-3, weightDecay: 0.1, betas: [0.9, 0.999], warmupEpochs: 58 / 195 },
});
