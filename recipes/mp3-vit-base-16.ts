/**
 * Position Prediction as an Effective Pretraining Strategy (MP3), ViT-B/16 on ImageNet-1k. Zhai et al., ICML 2022, arXiv 2207.07611. No
 * official code for pictures is public, and the paper's settings were not at hand: those of the optimiser are MAE's.
 *
 *   npx lacuna pretrain recipes/mp3-vit-base-16.ts --data.source.path=<imagenet>/train --device=cuda
 *
 * Set optim.accumulate so that a micro-batch fits the device.
 *
 * Cost: 14.98 G multiply-adds a picture; one H100 or H200 is estimated to take, as
 * `lacuna plan` does (30 % of its bfloat16 peak: an assumption, no measurement), for 1,281,167 pictures:
 * 100 epochs 10.7 h, with 16 cores that decode JPEGs.
 * Expected: no number of the paper for ImageNet was at hand; this recipe has not been run to its end here.
 */
import { defineRun } from "lacuna";

export default defineRun({
  epochs: 100,
  model: { name: "vit", size: "base", patchSize: 16, positions: "none" },
  method: { name: "mp3" },
  data: {
    source: { kind: "folder", path: "imagenet/train" },
    imageSize: 224,
    batchSize: 4096,
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
  },
  optim: {
    name: "adamw",
    baseLearningRate: 1.5e-4,
    betas: [0.9, 0.95],
    weightDecay: 0.05,
    warmupEpochs: 10,
    accumulate: 64,
  },
});
