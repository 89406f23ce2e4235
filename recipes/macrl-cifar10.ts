/**
 * MACRL on CIFAR-10, small enough for two cores. Paper: Yao et al., arXiv 2211.06012, of which the abstract alone was at hand: the settings are
 * those of recipes/mae-cifar10-reference.ts.
 *
 *   npx lacuna pretrain recipes/macrl-cifar10.ts --seed=0
 *
 * Cost: 170.6 M multiply-adds a picture, for 50,000 pictures 76.59 T multiply-adds in all.
 * Expected: the paper's abstract names CIFAR-10 without a number; none is recorded here yet.
 */
import { defineRun } from "lacuna";
import reference from "./mae-cifar10-reference.js";

export default defineRun({
  seed: 0,
  epochs: 3,
  model: { name: "vit", width: 192, depth: 6, heads: 3, patchSize: 4 },
  method: {
    name: "macrl",
    decoder: { width: 96, depth: 2, heads: 3 },
    projector: { hidden: 768 },
    augmentation: { blur: false },
  },
  data: reference.data,
  optim: { name: "adamw", baseLearningRate: 6e-4, warmupEpochs: 0.3 },
});
