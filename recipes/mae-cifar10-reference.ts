/**
 * The configuration of the reference curves in test/reference/cifar10-mae-curve.json: the official MAE model code on
 * CIFAR-10 for three epochs. Paper: He et al., CVPR 2022, arXiv 2111.06377.
 *
 *   npx lacuna pretrain recipes/mae-cifar10-reference.ts --seed=0
 *
 * Cost: 62.47 M multiply-adds a picture, for 50,000 pictures 28.07 T multiply-adds in all; five minutes on two cores with
 * bfloat16 (585 steps of half a second, measured with this program).
 * Expected (test/reference/README.md, three seeds of the official code): loss near 0.67 at the end, 20-NN accuracy from
 * 30.1 to between 36.3 and 41.3 % (raw pixels 39.6 %), linear probe on 10,000 labels from 40 to 50 % (pixels 39.3 %).
 */
import { defineRun } from "lacuna";

export default defineRun({
  seed: 0,
  epochs: 3,
  model: { name: "vit", width: 192, depth: 6, heads: 3, patchSize: 4 },
  method: { name: "mae", augmentation: "fixedCrop", decoder: { width: 96, depth: 2, heads: 3 } },
  data: {
    source: { kind: "cifar10", split: "train" },
    heldOut: { kind: "cifar10", split: "test" },
    imageSize: 32,
    batchSize: 256,
    mean: [0.4914, 0.4822, 0.4465],
    std: [0.247, 0.2435, 0.2616],
  },
  // 58 of 585 steps warm up; at batch 256 the base rate is the rate.
  optim: { name: "adamw", baseLearningRate: 6e-4, warmupEpochs: 58 / 195 },
});
