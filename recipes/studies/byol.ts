/**
 * The target's decay (paper, table 5a). Grill et al., NeurIPS 2020, arXiv 2006.07733, on 10,000 pictures of CIFAR-10
 * with a narrow ResNet-18.
 *
 *   npx lacuna sweep recipes/studies/byol.ts
 *
 * Cost: 67.62 T multiply-adds of training, meant for half an hour of two cores.
 * Expected: in the paper a target that is the online network itself learns nothing, one that never moves little, and
 * 0.99 is best. A run of some hundred steps has a shorter memory: 0.9 may win here. SimSiam says that 0 can learn,
 * given a faster predictor.
 */
import { defineSweep } from "lacuna";
import simsiam from "./simsiam.js";

export default defineSweep({
  title: "The target's decay, BYOL on CIFAR-10",
  base: {
    ...simsiam.base,
    method: {
      name: "byol",
      projector: { hidden: 512, output: 128 },
      predictor: { hidden: 512 },
      augmentation: { blur: false },
    },
  },
  axes: { "method.momentum": [0, 0.9, 0.99, 1] },
  evaluate: simsiam.evaluate,
  reference: {
    source: "Grill et al., arXiv 2006.07733, table 5a",
    setting: "ResNet-50, ImageNet-1k, 300 epochs",
    axis: "method.momentum",
    measures: {
      linear: {
        label: "linear probe, top-1",
        values: [
          [0, 0.3],
          [0.9, 68.4],
          [0.99, 72.5],
          [0.999, 69.8],
          [1, 18.8],
        ],
      },
    },
  },
});
