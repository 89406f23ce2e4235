/**
 * Masked Autoencoders Are Scalable Vision Learners, ViT-L/16 on ImageNet-1k. He et al., CVPR 2022, arXiv 2111.06377;
 * appendix A.1, table 8. Official code: facebookresearch/mae.
 *
 *   npx lacuna pretrain recipes/mae-vit-large-16.ts --data.source.path=<imagenet>/train --device=cuda
 *
 * 800 epochs; --epochs=400 and --epochs=1600 as for recipes/mae-vit-base-16.ts.
 *
 * Cost: 20.62 G multiply-adds a picture; one H100 or H200 is estimated to take, as
 * `lacuna plan` does (30 % of its bfloat16 peak: an assumption, no measurement), for 1,281,167 pictures:
 * 400 epochs 2.5 days, 800 epochs 4.9 days, 1600 epochs 9.9 days. The authors report about 42 hours on 64 V100 for 800
 * epochs (their PRETRAIN notes).
 * Expected after 800 epochs: 85.4 % top-1 after fine-tuning, linear probe 73.9 % (paper, table 1d, pixels with
 * normalisation); after 1600 epochs 85.9 % and 75.8 % (paper, tables 3 and 12). The authors' numbers; not run to its end
 * here.
 */
import { defineRun } from "lacuna";
import base from "./mae-vit-base-16.js";

export default defineRun({ ...base, model: { name: "vit", size: "large", patchSize: 16 } });
