/**
 * ExtreMA on CIFAR-10, small enough for two cores. Paper: Wu et al., TMLR 2023, arXiv 2206.04667.
 *
 *   npx lacuna pretrain recipes/extrema-cifar10.ts --seed=0
 *
 * Cost: 372.7 M multiply-adds a picture, for 50,000 pictures 110.2 T multiply-adds in all.
 * Expected: the paper trains on ImageNet alone; nobody has published numbers for CIFAR-10, and none are recorded here yet.
 */
import { defineRun } from "lacuna";
import reference from "./mae-cifar10-reference.js";

export default defineRun({
  seed: 0,
  epochs: 3,
  model: { name: "vit", width: 192, depth: 6, heads: 3, patchSize: 4, classAttention: 2 },
  method: { name: "extrema", hidden: 768, momentum: { from: 0.9, to: 1 } },
  data: reference.data,
  optim: { name: "adamw", baseLearningRate: 6e-4, weightDecay: 0.1, warmupEpochs: 0.3 },
});
