/**
 * Fine-tuning ConvNeXt V2-Huge after FCMAE on ImageNet-1k. Woo et al., CVPR 2023, arXiv 2301.00808; appendix, fine-tuning settings.
 * Official code: facebookresearch/ConvNeXt-V2. The rate decays by groups of three blocks, as for Base and Large.
 *
 *   npx lacuna finetune recipes/finetune/convnext-v2-huge.ts --from=runs/fcmae-huge \
 *     --data.source.path=<imagenet>/train --data.heldOut.path=<imagenet>/val --device=cuda
 *
 * --from takes a run, a checkpoint, or the authors' weights.
 *
 * Cost: 114.9 G multiply-adds a picture; backward counted as twice forward, one H100 or H200 at 30 % of its bfloat16 peak (an
 * assumption, no measurement) takes, for 1,281,167 pictures: 50 epochs 41.3 h.
 * Expected: 86.3 % top-1 in the paper after 1,600 epochs of FCMAE. The authors' number; not run to its end here.
 */
import { defineFinetune } from "lacuna";
import base from "./convnext-v2-base.js";

export default defineFinetune({
  ...base,
  epochs: 50,
  model: { name: "convnextV2", size: "huge", dropPath: 0.3, decayBy: "group" },
  optim: { ...base.optim, name: "adamw", baseLearningRate: 1.25e-3, layerDecay: 0.75, warmupEpochs: 10 },
});
