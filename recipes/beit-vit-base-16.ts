/**
 * BEiT: BERT Pre-Training of Image Transformers, ViT-B/16 on ImageNet-1k. Bao et al., ICLR 2022, arXiv 2106.08254. Official code:
 * microsoft/unilm, beit/get_started_for_image_classification.md.
 *
 *   npx lacuna pretrain recipes/beit-vit-base-16.ts --data.source.path=<imagenet>/train --device=cuda
 *
 * Tokens are those of a codebook by k-means, as many as DALL-E's, whose dVAE the paper takes. Set optim.accumulate so that a micro-batch fits
 * the device.
 *
 * Cost: 19.27 G multiply-adds a picture; one H100 or H200 is estimated to take, as
 * `lacuna plan` does (30 % of its bfloat16 peak: an assumption, no measurement), for 1,281,167 pictures:
 * 800 epochs 4.4 days, with 16 cores that decode JPEGs.
 * Expected after fine-tuning: 83.2 % top-1 with DALL-E's tokens (paper). These are the authors' numbers; this recipe has not been run to its
 * end here.
 */
import { defineRun } from "lacuna";

export default defineRun({
  epochs: 800,
  model: {
    ...{ name: "vit", size: "base", patchSize: 16, dropPath: 0.1 },
    ...{ positions: "none", relativePositions: "shared", layerScale: 0.1, keyBias: false },
  },
  method: { name: "beit", augmentation: "colorJitter" },
  data: {
    source: { kind: "folder", path: "imagenet/train" },
    imageSize: 224,
    batchSize: 2048,
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
  },
  optim: {
    name: "adamw",
    baseLearningRate: 1.875e-4,
    minimumLearningRate: 1e-5,
    betas: [0.9, 0.999],
    weightDecay: 0.05,
    warmupEpochs: 10,
    clipNorm: 3,
    accumulate: 32,
  },
});
