/**
 * MoCo v3, ViT-S/16 on ImageNet-1k. Chen, Xie, He, ICCV 2021, arXiv 2104.02057; section 5 and the official code,
 * facebookresearch/moco-v3, which gives this model with a batch of 1024 too. It has 12 heads, where DeiT's has 6.
 *
 *   npx lacuna pretrain recipes/moco-v3-vit-small-16.ts --data.source.path=<imagenet>/train --device=cuda
 *
 * The batch cannot be cut into micro-batches: its other pictures are the negatives. --checkpointing=true saves memory; --data.batchSize=4096
 * is the other published setting, for many GPUs.
 *
 * Cost: 18.48 G multiply-adds a picture, two views through student and teacher; one H100 or H200 is estimated to take, as `lacuna plan`
 * does (30 % of its bfloat16 peak: an assumption, no measurement), for 1,281,167 pictures: 300 epochs 26.4 h.
 * Expected, 300 epochs: linear probe 73.2 % top-1, fine-tuned 81.4 % (official GPU code; the paper has 72.5 %). The authors'
 * numbers; not run to its end here.
 */
import { defineRun } from "lacuna";
import base from "./moco-v3-vit-base-16.js";

export default defineRun({
  ...base,
  model: { name: "vit", size: "small", heads: 12, patchSize: 16 },
  data: { ...base.data, batchSize: 1024 },
});
