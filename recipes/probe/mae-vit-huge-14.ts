/**
 * Linear probing of ViT-H/14 after MAE on ImageNet-1k: the class token behind the final norm, a batch norm without affine, LARS. He
 * et al., CVPR 2022, arXiv 2111.06377; appendix A.1, table 10. Official code: facebookresearch/mae.
 *
 *   npx lacuna finetune recipes/probe/mae-vit-huge-14.ts --from=runs/mae-vit-huge-14 \
 *     --data.source.path=<imagenet>/train --data.heldOut.path=<imagenet>/val --device=cuda
 *
 * `lacuna evaluate linear` is the fast, exact relative of it: no augmentation, cached features, a few tenths to two points less.
 *
 * Cost: 167.3 G multiply-adds a picture, whole and forward only; one H100 or H200 at 30 % of its bfloat16 peak (an assumption,
 * no measurement) takes, for 1,281,167 pictures: 50 epochs 20.0 h.
 * Expected: 76.6 % top-1 (paper, table 12; official code 77.2 %) after 1600 epochs of pre-training. The authors' numbers; not run
 * to its end here.
 */
import { defineFinetune } from "lacuna";
import finetune from "../finetune/mae-vit-huge-14.js";
import base from "./mae-vit-base-16.js";

// Half the epochs suffice for the large sizes (official code, FINETUNE.md).
export default defineFinetune({ ...base, epochs: 50, model: { ...finetune.model, name: "vit", dropPath: 0 } });
