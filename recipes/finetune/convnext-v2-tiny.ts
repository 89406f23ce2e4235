/**
 * Fine-tuning ConvNeXt V2-Tiny after FCMAE on ImageNet-1k. Woo et al., CVPR 2023, arXiv 2301.00808; appendix, fine-tuning settings.
 * Official code: facebookresearch/ConvNeXt-V2. Every block has a rate of its own, 0.9 of the one above it. Random erasing is the official code's.
 *
 *   npx lacuna finetune recipes/finetune/convnext-v2-tiny.ts --from=runs/fcmae-tiny \
 *     --data.source.path=<imagenet>/train --data.heldOut.path=<imagenet>/val --device=cuda
 *
 * --from takes a run, a checkpoint, or the authors' weights.
 *
 * Cost: 4.45 G multiply-adds a picture; backward counted as twice forward, one H100 or H200 at 30 % of its bfloat16 peak (an
 * assumption, no measurement) takes, for 1,281,167 pictures: 300 epochs 9.6 h.
 * Expected: 83.0 % top-1 in the paper after 1,600 epochs of FCMAE (82.5 % supervised from scratch). The authors' number; not run to its end here.
 */
import { defineFinetune } from "lacuna";
import base from "./convnext-v2-base.js";

export default defineFinetune({
  ...base,
  epochs: 300,
  model: { name: "convnextV2", size: "tiny", dropPath: 0.2, decayBy: "block" },
  optim: { ...base.optim, name: "adamw", baseLearningRate: 8e-4, layerDecay: 0.9, warmupEpochs: 40 },
});
