/**
 * BEiT v2, ViT-B/16 on ImageNet-1k for 300 epochs. Peng et al., arXiv 2208.06366. Official code: microsoft/unilm, beit2 (README, "Pre-training").
 *
 *   npx lacuna pretrain recipes/beitv2-vit-base-16.ts --data.source.path=<imagenet>/train --device=cuda \
 *     --method.tokenizer.name=vqkd --method.tokenizer.run=runs/tokens
 *
 * The tokenizer is a run of recipes/vqkd-vit-base-16.ts; without the two settings of it tokens are those of a codebook by k-means. For 1600 epochs
 * the authors change two settings: --model.dropPath=0.1 --optim.betas=0.9,0.999. Set optim.accumulate so that a micro-batch fits the device.
 *
 * Cost: 22.65 G multiply-adds a picture; one H100 or H200 is estimated to take, as
 * `lacuna plan` does (30 % of its bfloat16 peak: an assumption, no measurement), for 1,281,167 pictures:
 * 300 epochs 47.1 h, with 16 cores that decode JPEGs.
 * Expected after fine-tuning: 85.0 % top-1, after 1600 epochs 85.5 % (paper), with CLIP as the tokenizer's teacher. These are the authors' numbers;
 * this recipe has not been run to its end here.
 */
import { defineRun } from "lacuna";

export default defineRun({
  epochs: 300,
  model: {
    ...{ name: "vit", size: "base", patchSize: 16 },
    ...{ positions: "none", relativePositions: "shared", layerScale: 0.1, keyBias: false },
  },
  method: { name: "beitv2", augmentation: "colorJitter" },
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
    betas: [0.9, 0.98],
    weightDecay: 0.05,
    warmupEpochs: 10,
    clipNorm: 3,
    accumulate: 32,
  },
});
