/**
 * The mask ratio (paper, figure 5). He et al., CVPR 2022, arXiv 2111.06377, on CIFAR-10.
 *
 *   npx lacuna sweep recipes/sweeps/mae-mask-ratio-cifar10.ts
 *
 * Full size, with the model of recipes/mae-cifar10-reference.ts:
 *
 *   npx lacuna sweep recipes/sweeps/mae-mask-ratio-cifar10.ts --out runs/mae-mask-ratio-cifar10-full --epochs=4 \
 *     --model.width=192 --model.depth=6 --model.heads=3 --method.decoder.width=96 --method.decoder.heads=3 \
 *     --data.batchSize=256 --optim.baseLearningRate=6e-4 --optim.warmupEpochs=0.4
 *
 * Cost: 50.46 T multiply-adds of training; the full size 611.7 T, just under two hours, by the 90 G a
 * second that two cores with bfloat16 were measured to reach.
 * Expected: the paper's linear probe rises up to 75 % and falls after it; what came out here is in
 * records/2026-11-25-sweep-mask-ratio.
 */
import { defineSweep } from "lacuna";

export default defineSweep({
  title: "Mask ratio, MAE on CIFAR-10",
  base: {
    seed: 0,
    epochs: 1,
    model: { name: "vit", width: 128, depth: 4, heads: 4, patchSize: 4 },
    method: { name: "mae", augmentation: "fixedCrop", decoder: { width: 64, depth: 2, heads: 2 } },
    data: {
      source: { kind: "cifar10", split: "train" },
      imageSize: 32,
      batchSize: 64,
      mean: [0.4914, 0.4822, 0.4465],
      std: [0.247, 0.2435, 0.2616],
    },
    optim: { name: "adamw", baseLearningRate: 2.4e-3, warmupEpochs: 0.1 },
    log: { previewSeconds: 1e6, checkpointSeconds: 120 },
  },
  axes: { "method.maskRatio": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9] },
  evaluate: {
    train: { kind: "cifar10", split: "train" },
    test: { kind: "cifar10", split: "test", limit: 5000 },
  },
  reference: {
    source: "He et al., arXiv 2111.06377, figure 5",
    setting: "ViT-L/16, ImageNet-1k, 800 epochs, raw pixels",
    axis: "method.maskRatio",
    measures: {
      linear: {
        label: "linear probe, top-1",
        values: [
          [0.1, 54.6],
          [0.2, 58.9],
          [0.3, 61.7],
          [0.4, 67.0],
          [0.5, 69.9],
          [0.6, 71.8],
          [0.7, 73.2],
          [0.75, 73.5],
          [0.8, 71.8],
          [0.9, 66.1],
        ],
        note: "54.6 and 73.5 stand in the text, the others are recalled labels of the plot",
      },
      finetune: {
        label: "fine-tuning, top-1",
        values: [
          [0.1, 83.2],
          [0.2, 83.4],
          [0.3, 83.4],
          [0.4, 84.7],
          [0.5, 84.9],
          [0.6, 85.0],
          [0.7, 84.9],
          [0.75, 84.9],
          [0.8, 84.5],
          [0.9, 83.0],
        ],
        note: "84.9 at 75 % stands in table 1, the others are recalled labels of the plot",
      },
    },
  },
});
