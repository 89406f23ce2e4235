/**
 * Masked Autoencoders Are Scalable Vision Learners, ViT-L/16 on ImageNet-1k. He et al., CVPR 2022, arXiv 2111.06377;
 * appendix A.1, table 8. Official code: facebookresearch/mae.
 *
 *   npx lacuna pretrain recipes/mae-vit-large-16.ts --data.source.path=<imagenet>/train --device=cuda
 *
 * Cost: the authors report about 42 hours on 64 V100 for 800 epochs (their PRETRAIN notes). `lacuna plan` counts
 * 20.6 G multiply-adds a picture, 6.3e19 for forward and backward of the 800 epochs (an estimate of the work).
 * Expected after 800 epochs: 85.4 % top-1 after fine-tuning, linear probe 73.9 % (paper, table 1d, pixels with
 * normalisation); after 1600 epochs linear probe 75.8 %. The authors' numbers; not run to its end here.
 */
import { defineRun } from "lacuna";
import base from "./mae-vit-base-16.js";

export default defineRun({ ...base, model: { name: "vit", size: "large", patchSize: 16 } });
