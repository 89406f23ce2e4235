/**
 * DeiT-B without distillation: ViT-B/16 from scratch on ImageNet-1k. Touvron et al., ICML 2021, arXiv 2012.12877. Official code:
 * facebookresearch/deit, defaults of main.py.
 *
 *   npx lacuna pretrain recipes/supervised-vit-base-16.ts --data.source.path=<imagenet>/train \
 *     --data.heldOut.path=<imagenet>/val --device=cuda
 *
 * Without the official code's repeated augmentation. Set optim.accumulate so that a micro-batch fits the device.
 *
 * Cost: 17.56 G multiply-adds a picture; one H100 or H200 is estimated to take, as
 * `lacuna plan` does (30 % of its bfloat16 peak: an assumption, no measurement), for 1,281,167 pictures:
 * 300 epochs 37.9 h, with 16 cores that decode JPEGs.
 * Expected: 81.8 % top-1 (paper). This is the authors' number; this recipe has not been run to its end here.
 */
import { defineRun } from "lacuna";

export default defineRun({
  epochs: 300,
  model: { name: "vit", size: "base", patchSize: 16, positions: "learned", dropPath: 0.1 },
  method: { name: "supervised", classes: 1000, average: 0.99996 },
  data: {
    source: { kind: "folder", path: "imagenet/train" },
    heldOut: { kind: "folder", path: "imagenet/val" },
    imageSize: 224,
    batchSize: 1024,
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
  },
  optim: {
    name: "adamw",
    baseLearningRate: 2.5e-4, // 5e-4 for 512 pictures
    betas: [0.9, 0.999],
    weightDecay: 0.05,
    warmupEpochs: 5,
    minimumLearningRate: 1e-5,
    accumulate: 16,
  },
});
