/**
 * Linear probing of ViT-B/16 after MAE on ImageNet-1k: the class token behind the final norm, a batch norm without affine, LARS. He
 * et al., CVPR 2022, arXiv 2111.06377; appendix A.1, table 10. Official code: facebookresearch/mae.
 *
 *   npx lacuna finetune recipes/probe/mae-vit-base-16.ts --from=runs/mae-vit-base-16 \
 *     --data.source.path=<imagenet>/train --data.heldOut.path=<imagenet>/val --device=cuda
 *
 * `lacuna evaluate linear` is the fast, exact relative of it: no augmentation, cached features, a few tenths to two points less.
 *
 * Cost: 17.56 G multiply-adds a picture, whole and forward only; one H100 or H200 at 30 % of its bfloat16 peak (an assumption,
 * no measurement) takes, for 1,281,167 pictures: 90 epochs 3.8 h.
 * Expected: 68.0 % top-1 (paper, table 12; official code 67.8 %) after 1600 epochs of pre-training. The most fragile protocol of
 * the paper. The authors' numbers; not run to its end here.
 */
import { defineFinetune } from "lacuna";
import finetune from "../finetune/mae-vit-base-16.js";

export default defineFinetune({
  task: "finetune",
  trainBlocks: 0,
  epochs: 90,
  model: { ...finetune.model, name: "vit", dropPath: 0 },
  pool: "class",
  data: { ...finetune.data, batchSize: 16384 },
  augmentation: {
    crop: { name: "random", scale: [0.08, 1] },
    flip: 0.5,
    randAugment: { operations: 0 },
    erasing: { probability: 0 },
    mixing: { probability: 0 },
    smoothing: 0,
  },
  optim: {
    name: "lars",
    baseLearningRate: 0.1,
    momentum: 0.9,
    weightDecay: 0,
    warmupEpochs: 10,
    minimumLearningRate: 0,
    accumulate: 32,
  },
});
