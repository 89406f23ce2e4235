/**
 * VQ-KD on CIFAR-10, for two cores: the tokenizer of BEiT v2, 64 tokens a picture from a codebook of 512. Paper: Peng et al., arXiv 2208.06366.
 *
 *   npx lacuna pretrain recipes/vqkd-cifar10.ts --seed=0 --method.teacher.name=run --method.teacher.run=runs/teacher
 *
 * The teacher is any run whose encoder has patches of 4 pixels: one of recipes/mae-cifar10-reference.ts, for one. Without the two settings it is
 * a network of random weights.
 *
 * Cost: 283.5 M multiply-adds a picture, for 50,000 pictures 90.48 T multiply-adds in all.
 * Expected: the paper trains on ImageNet alone; nobody has published numbers for CIFAR-10. How many codes were used is in LOG.md.
 */
import { defineRun } from "lacuna";
import reference from "./mae-cifar10-reference.js";

export default defineRun({
  seed: 0,
  epochs: 3,
  model: {
    ...{ name: "vit", width: 192, depth: 4, heads: 3, patchSize: 4 },
    ...{ positions: "learned", keyBias: false },
  },
  method: { name: "vqkd", vocabulary: 512, decoder: { depth: 1 }, augmentation: "fixedCrop" },
  data: reference.data,
  optim: { name: "adamw", baseLearningRate: 1e-3, betas: [0.9, 0.99], weightDecay: 1e-4, warmupEpochs: 0.3 },
});
