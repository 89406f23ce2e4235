/**
 * Patch aggregation: off and on, from an early or the last block, its head shared or its own (paper, table 6). Peng et al., arXiv 2208.06366,
 * on 10,000 pictures of CIFAR-10 with a ViT of six blocks.
 *
 *   npx lacuna sweep recipes/studies/beitv2.ts
 *
 * Tokens are those of a codebook by k-means. On VQ-KD's, of a run of recipes/studies/vqkd.ts with the same patches and normalisation:
 * --method.tokenizer.name=vqkd --method.tokenizer.run=<run>.
 *
 * Cost: 79.21 T multiply-adds of training, meant for half an hour of two cores.
 * Expected: in the paper aggregation helps a linear probe much and fine-tuning little, one or two blocks are better than three, and a shared
 * head than its own; 80.1 % of its linear probe on ImageNet are with it. So short a run need not show any of that.
 */
import { defineSweep } from "lacuna";
import simsiam from "./simsiam.js";

export default defineSweep({
  title: "Patch aggregation, BEiT v2 on CIFAR-10",
  base: {
    ...simsiam.base,
    epochs: 4,
    model: {
      ...{ name: "vit", width: 128, depth: 6, heads: 4, patchSize: 4 },
      ...{ positions: "none", relativePositions: "shared", layerScale: 0.1, keyBias: false },
    },
    method: { name: "beitv2", tokenizer: { name: "kMeans" }, augmentation: "fixedCrop" },
    optim: { name: "adamw", baseLearningRate: 1e-3, betas: [0.9, 0.98], clipNorm: 3, warmupEpochs: 0.6 },
  },
  points: {
    off: { "method.aggregation.depth": 0 },
    oneBlock: { "method.aggregation.depth": 1 },
    whole: {},
    threeBlocks: { "method.aggregation.depth": 3 },
    ownHead: { "method.aggregation.sharedHead": false },
    lastPatches: { "method.aggregation.early": 6 },
  },
  evaluate: simsiam.evaluate,
});
