/**
 * The learning rate, and the patch projection trained or frozen (paper, section 4.2). Chen, Xie, He, ICCV 2021,
 * arXiv 2104.02057, on 10,000 pictures of CIFAR-10 with a ViT of four blocks.
 *
 *   npx lacuna sweep recipes/studies/moco-v3.ts
 *
 * Cost: 81.08 T multiply-adds of training, meant for half an hour of two cores.
 * Expected: in the paper a frozen projection is worth 0.4 to 1.7 points, more the higher the rate, and dips in
 * training vanish; `lacuna inspect` on a point shows the loss, and `gradNorm.patch_embed` in its events foretells a
 * dip. A batch of 128 is far from the paper's 4096, at which dips are seen: whether so small a run has any is what it
 * can tell.
 */
import { defineSweep } from "lacuna";
import simsiam from "./simsiam.js";

export default defineSweep({
  title: "Rate and patch projection, MoCo v3 on CIFAR-10",
  base: {
    ...simsiam.base,
    epochs: 3,
    model: { name: "vit", width: 128, depth: 4, heads: 4, patchSize: 4 },
    method: {
      name: "mocoV3",
      projector: { hidden: 512 },
      predictor: { hidden: 512 },
      augmentation: { blur: false },
    },
    optim: { name: "adamw", baseLearningRate: 1e-3, weightDecay: 0.1, betas: [0.9, 0.999], warmupEpochs: 0.5 },
  },
  axes: { "optim.baseLearningRate": [1e-3, 3e-3, 9e-3], "method.freezePatchEmbed": [false, true] },
  evaluate: simsiam.evaluate,
  reference: {
    source: "Chen, Xie, He, arXiv 2104.02057, section 4.2",
    setting: "ViT-B/16, ImageNet-1k, 100 epochs, batch 4096, patch projection trained",
    axis: "optim.baseLearningRate",
    measures: {
      linear: {
        label: "linear probe, top-1",
        values: [
          [0.5e-4, 70.4],
          [1e-4, 72.2],
          [1.5e-4, 71.7],
        ],
      },
    },
  },
});
