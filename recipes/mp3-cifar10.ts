/**
 * MP3 on CIFAR-10, for two cores. Paper: Zhai et al., ICML 2022, arXiv 2207.07611.
 *
 *   npx lacuna pretrain recipes/mp3-cifar10.ts --seed=0
 *
 * Each of 64 patches is asked for its place; 16 of them and the class token give keys and values.
 *
 * Cost: 155.2 M multiply-adds a picture, for 50,000 pictures 69.73 T multiply-adds in all.
 * Expected: the paper trains on CIFAR-100 for 2,000 epochs (84.2 % after fine-tuning a ViT-S with relative positions, 82.6 % without any);
 * nothing of that length was trained here.
 */
import { defineRun } from "lacuna";
import reference from "./mae-cifar10-reference.js";

export default defineRun({
  seed: 0,
  epochs: 3,
  model: { name: "vit", width: 192, depth: 6, heads: 3, patchSize: 4, positions: "none" },
  method: { name: "mp3", augmentation: "fixedCrop" },
  data: reference.data,
  optim: { name: "adamw", baseLearningRate: 5e-4, betas: [0.9, 0.95], weightDecay: 0.05, warmupEpochs: 0.3 },
});
