/**
 * Contrastive Masked Autoencoders, ViT-B/16 on ImageNet-1k. Huang et al., TPAMI 2024, arXiv 2207.13532. The settings are those of the official
 * code (ZhichengHuang/CMAE, configs/pre-training/cmae).
 *
 *   npx lacuna pretrain recipes/cmae-vit-base-16.ts --data.source.path=<imagenet>/train --device=cuda
 *
 * 300 epochs; --epochs=1600 made the best released weights. The batch cannot be cut, for its other pictures are the negatives
 * (`lacuna plan` says what memory that takes).
 *
 * Cost: 30.33 G multiply-adds a picture, two views through student and target; one H100 or H200 is estimated to take, as `lacuna plan`
 * does (30 % of its bfloat16 peak: an assumption, no measurement), for 1,281,167 pictures: 300 epochs 40.1 h, 1600 epochs 8.9 days, with 16 cores
 * that decode JPEGs.
 * Expected after fine-tuning: 83.8 % top-1 with 300 epochs, 84.7 % with 1600 (official repository). These are the authors' numbers; this
 * recipe has not been run to its end here.
 */
import { defineRun } from "lacuna";

export default defineRun({
  epochs: 300,
  model: { name: "vit", size: "base", patchSize: 16 },
  method: { name: "cmae" },
  data: {
    source: { kind: "folder", path: "imagenet/train" },
    imageSize: 224,
    batchSize: 4096,
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
  },
  optim: { name: "adamw", baseLearningRate: 1.5e-4, betas: [0.9, 0.95], weightDecay: 0.05, warmupEpochs: 40 },
});
