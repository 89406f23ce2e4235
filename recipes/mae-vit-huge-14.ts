/**
 * Masked Autoencoders Are Scalable Vision Learners, ViT-H/14 on ImageNet-1k. He et al., CVPR 2022, arXiv 2111.06377;
 * appendix A.1, table 8. Official code: facebookresearch/mae.
 *
 *   npx lacuna pretrain recipes/mae-vit-huge-14.ts --data.source.path=<imagenet>/train --device=cuda
 *
 * 800 epochs; --epochs=400 and --epochs=1600 as for recipes/mae-vit-base-16.ts. --checkpointing=true where memory is short.
 *
 * Cost: 48.40 G multiply-adds a picture; one H100 or H200 is estimated to take, as
 * `lacuna plan` does (30 % of its bfloat16 peak: an assumption, no measurement), for 1,281,167 pictures:
 * 400 epochs 5.8 days, 800 epochs 11.6 days, 1600 epochs 23.2 days. More than one GPU is the sensible way.
 * Expected after fine-tuning, 1600 epochs: 86.9 % top-1 (paper, table 3; official code 86.93 %), linear probe 76.6 % (table 12;
 * official code 77.2 %). The authors' numbers; not run to its end here.
 */
import { defineRun } from "lacuna";
import base from "./mae-vit-base-16.js";

export default defineRun({ ...base, model: { name: "vit", size: "huge", patchSize: 14 } });
