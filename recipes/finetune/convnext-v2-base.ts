/**
 * Fine-tuning ConvNeXt V2-Base after FCMAE on ImageNet-1k. Woo et al., CVPR 2023, arXiv 2301.00808; appendix, fine-tuning settings.
 * Official code: facebookresearch/ConvNeXt-V2. The rate is that of the official code's command: the paper prints ten times as much. Random erasing is the code's too.
 * Three blocks share a rate (`decayBy: "group"`, twelve groups), each 0.6 of the one above it.
 *
 *   npx lacuna finetune recipes/finetune/convnext-v2-base.ts --from=runs/fcmae-base \
 *     --data.source.path=<imagenet>/train --data.heldOut.path=<imagenet>/val --device=cuda
 *
 * --from takes a run, a checkpoint, or the authors' weights.
 *
 * Cost: 15.35 G multiply-adds a picture; backward counted as twice forward, one H100 or H200 at 30 % of its bfloat16 peak (an
 * assumption, no measurement) takes, for 1,281,167 pictures: 100 epochs 11.0 h.
 * Expected: 84.9 % top-1 in the paper after 1,600 epochs of FCMAE (84.3 % supervised from scratch). The authors' number; not run to its end here.
 */
import { defineFinetune } from "lacuna";

const imagenet = { kind: "folder", path: "imagenet/train" } as const;

export default defineFinetune({
  task: "finetune",
  epochs: 100,
  model: { name: "convnextV2", size: "base", dropPath: 0.1, decayBy: "group" },
  pool: "mean",
  data: {
    source: imagenet,
    heldOut: { ...imagenet, path: "imagenet/val" },
    imageSize: 224,
    batchSize: 1024,
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
  },
  augmentation: {
    crop: { name: "random", scale: [0.08, 1] },
    flip: 0.5,
    randAugment: { operations: 2, magnitude: 9, deviation: 0.5, probability: 0.5 },
    erasing: { probability: 0.25 },
    mixing: { mixup: 0.8, cutmix: 1, probability: 1 },
    smoothing: 0.1,
  },
  optim: {
    name: "adamw",
    baseLearningRate: 6.25e-4,
    betas: [0.9, 0.999],
    weightDecay: 0.05,
    layerDecay: 0.6,
    warmupEpochs: 20,
    minimumLearningRate: 1e-6,
    accumulate: 8,
  },
  average: 0.9999,
});
