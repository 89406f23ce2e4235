/**
 * The queue's length and the key encoder's momentum (MoCo v1, section 4.1). He et al., CVPR 2020, arXiv 1911.05722,
 * with the head of MoCo v2, on 10,000 pictures of CIFAR-10 with a narrow ResNet-18.
 *
 *   npx lacuna sweep recipes/studies/moco.ts
 *
 * Cost: 67.57 T multiply-adds of training, meant for half an hour of two cores.
 * Expected: in the paper a key encoder without momentum fails at a queue of 4096 and 0.999 is best. So short a run has
 * not the steps for 0.999 (it looks back over a thousand of them) nor the pictures for a long queue: it can show that
 * 0 is worst and that the best momentum grows with the queue.
 */
import { defineSweep } from "lacuna";
import simsiam from "./simsiam.js";

export default defineSweep({
  title: "Queue and momentum, MoCo on CIFAR-10",
  base: {
    ...simsiam.base,
    epochs: 4,
    model: { name: "resnet", size: "resnet18", stem: "cifar", width: 16, normSplits: 8 },
    method: { name: "moco", temperature: 0.1, augmentation: { blur: false } },
  },
  axes: { "method.momentum": [0, 0.9, 0.99, 0.999], "method.queue": [256, 1024, 4096] },
  evaluate: simsiam.evaluate,
  reference: {
    source: "He et al., arXiv 1911.05722, section 4.1",
    setting: "ResNet-50, ImageNet-1k, 200 epochs, queue of 4096",
    axis: "method.momentum",
    measures: {
      linear: {
        label: "linear probe, top-1",
        values: [
          [0.9, 55.2],
          [0.99, 57.8],
          [0.999, 59.0],
          [0.9999, 58.9],
        ],
        note: "with 0 it fails",
      },
    },
  },
});
