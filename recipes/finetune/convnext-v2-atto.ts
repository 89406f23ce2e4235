/**
 * Fine-tuning ConvNeXt V2-Atto after FCMAE on ImageNet-1k. Woo et al., CVPR 2023, arXiv 2301.00808; appendix, fine-tuning settings.
 * Official code: facebookresearch/ConvNeXt-V2. Every block has a rate of its own, 0.9 of the one above it. No warm-up, and no pictures are mixed. Random erasing is the official
 * code's.
 *
 *   npx lacuna finetune recipes/finetune/convnext-v2-atto.ts --from=runs/fcmae-atto \
 *     --data.source.path=<imagenet>/train --data.heldOut.path=<imagenet>/val --device=cuda
 *
 * --from takes a run, a checkpoint, or the authors' weights.
 *
 * Cost: 547.0 M multiply-adds a picture; backward counted as twice forward, one H100 or H200 at 30 % of its bfloat16 peak (an
 * assumption, no measurement) takes, for 1,281,167 pictures: 600 epochs 2.4 h.
 * Expected: 76.7 % top-1 in the paper after 1,600 epochs of FCMAE (76.2 % supervised from scratch). The authors' number; not run to its end here.
 */
import { defineFinetune } from "lacuna";
import base from "./convnext-v2-base.js";

export default defineFinetune({
  ...base,
  epochs: 600,
  model: { name: "convnextV2", size: "atto", dropPath: 0.1, decayBy: "block" },
  augmentation: { ...base.augmentation, mixing: { probability: 0 }, smoothing: 0.2 },
  optim: {
    ...base.optim,
    name: "adamw",
    baseLearningRate: 2e-4,
    weightDecay: 0.3,
    layerDecay: 0.9,
    warmupEpochs: 0,
  },
});
