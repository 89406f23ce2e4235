/**
 * Fine-tuning ConvNeXt V2-Femto after FCMAE on ImageNet-1k. Woo et al., CVPR 2023, arXiv 2301.00808; appendix, fine-tuning settings.
 * Official code: facebookresearch/ConvNeXt-V2. As Atto with pictures mixed a little, no drop path, and a smaller weight decay.
 *
 *   npx lacuna finetune recipes/finetune/convnext-v2-femto.ts --from=runs/fcmae-femto \
 *     --data.source.path=<imagenet>/train --data.heldOut.path=<imagenet>/val --device=cuda
 *
 * --from takes a run, a checkpoint, or the authors' weights.
 *
 * Cost: 779.2 M multiply-adds a picture; backward counted as twice forward, one H100 or H200 at 30 % of its bfloat16 peak (an
 * assumption, no measurement) takes, for 1,281,167 pictures: 600 epochs 3.4 h.
 * Expected: 78.5 % top-1 in the paper after 1,600 epochs of FCMAE (78.0 % supervised from scratch). The authors' number; not run to its end here.
 */
import { defineFinetune } from "lacuna";
import atto from "./convnext-v2-atto.js";

export default defineFinetune({
  ...atto,
  model: { name: "convnextV2", size: "femto", dropPath: 0, decayBy: "block" },
  augmentation: { ...atto.augmentation, mixing: { mixup: 0.3, cutmix: 0.3, probability: 1 } },
  optim: { ...atto.optim, name: "adamw", weightDecay: 0.05 },
});
