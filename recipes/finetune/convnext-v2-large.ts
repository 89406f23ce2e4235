/**
 * Fine-tuning ConvNeXt V2-Large after FCMAE on ImageNet-1k. Woo et al., CVPR 2023, arXiv 2301.00808; appendix, fine-tuning settings.
 * Official code: facebookresearch/ConvNeXt-V2. As Base with a higher drop path. The rate is that of the official code's command: the paper prints ten times as much.
 *
 *   npx lacuna finetune recipes/finetune/convnext-v2-large.ts --from=runs/fcmae-large \
 *     --data.source.path=<imagenet>/train --data.heldOut.path=<imagenet>/val --device=cuda
 *
 * --from takes a run, a checkpoint, or the authors' weights.
 *
 * Cost: 34.36 G multiply-adds a picture; backward counted as twice forward, one H100 or H200 at 30 % of its bfloat16 peak (an
 * assumption, no measurement) takes, for 1,281,167 pictures: 100 epochs 24.7 h.
 * Expected: 85.8 % top-1 in the paper after 1,600 epochs of FCMAE (84.5 % supervised from scratch). The authors' number; not run to its end here.
 */
import { defineFinetune } from "lacuna";
import base from "./convnext-v2-base.js";

export default defineFinetune({
  ...base,
  model: { name: "convnextV2", size: "large", dropPath: 0.2, decayBy: "group" },
});
