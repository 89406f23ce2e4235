/**
 * Every block a student, or the last alone. Jang et al., WACV 2023, arXiv 2111.12958, over MoCo v3, BYOL and SimCLR,
 * on 10,000 pictures of CIFAR-10 with a ViT of four blocks.
 *
 *   npx lacuna sweep recipes/studies/sdssl.ts
 *
 * Cost: 75.95 T multiply-adds of training, meant for half an hour of two cores.
 * Expected: by the paper's abstract the blocks' loss improves k-NN and linear probe of the last block, which is what
 * the sweep judges, and of most blocks before it: `lacuna evaluate knn <sweep>/points/<point> --data cifar10
 * --every-block`. With `ratio` 0 the other blocks' heads learn and nothing of theirs reaches the encoder.
 */
import { defineSweep } from "lacuna";
import simsiam from "./simsiam.js";

export default defineSweep({
  title: "Every block a student, SDSSL on CIFAR-10",
  base: {
    ...simsiam.base,
    epochs: 3,
    model: { name: "vit", width: 128, depth: 4, heads: 4, patchSize: 4 },
    method: { name: "sdssl", momentum: 0.9, hidden: 512, augmentation: { blur: false } },
    optim: { name: "adamw", baseLearningRate: 1e-3, weightDecay: 0.1, betas: [0.9, 0.999], warmupEpochs: 0.3 },
  },
  axes: { "method.ratio": [0, 1], "method.host": ["mocoV3", "byol", "simclr"] },
  evaluate: simsiam.evaluate,
});
