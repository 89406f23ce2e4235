/**
 * Context Autoencoder, ViT-B/16 on ImageNet-1k. Chen et al., IJCV 2023, arXiv 2202.03026. Official code: Atten4Vis/CAE,
 * scripts/cae_base_800e.sh.
 *
 *   npx lacuna pretrain recipes/cae-vit-base-16.ts --data.source.path=<imagenet>/train --device=cuda
 *
 * Tokens are those of a codebook by k-means, as many as DALL-E's, whose dVAE the paper takes. Set optim.accumulate so that a micro-batch fits
 * the device.
 *
 * Cost: 25.33 G multiply-adds a picture; one H100 or H200 is estimated to take, as
 * `lacuna plan` does (30 % of its bfloat16 peak: an assumption, no measurement), for 1,281,167 pictures:
 * 800 epochs 4.5 days, with 16 cores that decode JPEGs.
 * Expected with DALL-E's tokens: 83.8 % top-1 after fine-tuning, 68.9 % by a linear probe, 75.9 % by an attentive one (official README).
 * These are the authors' numbers; this recipe has not been run to its end here.
 */
import { defineRun } from "lacuna";

export default defineRun({
  epochs: 800,
  model: { name: "vit", size: "base", patchSize: 16, dropPath: 0.1, layerScale: 0.1, keyBias: false },
  method: { name: "cae", regressor: { dropPath: 0.1 }, decoder: { dropPath: 0.1 } },
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
    warmupEpochs: 20,
    clipNorm: 3,
    accumulate: 32,
  },
});
