/**
 * Masked Autoencoders Are Scalable Vision Learners, ViT-B/16 on ImageNet-1k. He et al., CVPR 2022, arXiv 2111.06377;
 * appendix A.1, table 8. Official code: facebookresearch/mae.
 *
 *   npx lacuna pretrain recipes/mae-vit-base-16.ts --data.source.path=<imagenet>/train --device=cuda
 *
 * 800 epochs, as the paper's ablations; --epochs=400 is the official script's default, --epochs=1600 made the released
 * weights. Set optim.accumulate so that a micro-batch fits the device (64 of the 4096 on 16 GB): the gradient is the same.
 *
 * Cost: 9.67 G multiply-adds a picture; one H100 or H200 is estimated to take, as
 * `lacuna plan` does (30 % of its bfloat16 peak: an assumption, no measurement), for 1,281,167 pictures:
 * 400 epochs 27.8 h, 800 epochs 2.3 days, 1600 epochs 4.6 days, with 16 cores that decode JPEGs.
 * Expected after fine-tuning, 1600 epochs: 83.6 % top-1 (paper, table 3; official code: mean 83.57 over four seeds), linear
 * probe 68.0 % (paper, table 12; official code 67.8 %). These are the authors' numbers; this recipe has not
 * been run to its end here.
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
