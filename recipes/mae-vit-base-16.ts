/**
 * Masked Autoencoders Are Scalable Vision Learners, ViT-B/16 on ImageNet-1k. He et al., CVPR 2022, arXiv 2111.06377;
 * appendix A.1, table 8. Official code: facebookresearch/mae.
 *
 *   npx lacuna pretrain recipes/mae-vit-base-16.ts --data.source.path=<imagenet>/train --device=cuda
 *
 * Set optim.accumulate so that a micro-batch fits the device (64 of the 4096 on 16 GB): the gradient is the same.
 * Cost: `lacuna plan` counts 9.67 G multiply-adds a picture; forward and backward of 1,281,167 pictures 800 times are
 * 3.0e19 of them. That is an estimate of the work, not a measurement: at a sustained 100 T multiply-adds a second (a large
 * GPU at a third of its bfloat16 peak) about 82 hours; the paper's 1600 epochs (--epochs=1600) take twice that.
 * Expected after fine-tuning, 1600 epochs: 83.6 % top-1 (official code: mean 83.57 over four seeds), linear probe 67.8 %.
 * These are the authors' numbers; this recipe has not been run to its end here.
 */
import { defineRun } from "lacuna";

export default defineRun({
  epochs: 800,
  model: { name: "vit", size: "base", patchSize: 16 },
  method: { name: "mae", maskRatio: 0.75, normalizeTargets: true, decoder: { width: 512, depth: 8, heads: 16 } },
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
    warmupEpochs: 40,
    accumulate: 64,
  },
});
