/**
 * DINO, ViT-S/16 on ImageNet-1k with multi-crop: the official code's "boosted" run (README of facebookresearch/dino). Caron et al., ICCV 2021,
 * arXiv 2104.14294.
 *
 *   npx lacuna pretrain recipes/dino-vit-small-16.ts --data.source.path=<imagenet>/train --device=cuda
 *
 * The batch cannot be cut into micro-batches: the centre is its mean. --checkpointing=true saves memory. The paper's 100 epochs are
 * --epochs=100 --method.teacherTemperature=0.04 --method.projector.normLastLayer=true.
 *
 * Cost: 25.13 G multiply-adds a picture, ten crops through the student and two through the teacher; one H100 or H200 is estimated to take,
 * as `lacuna plan` does (30 % of its bfloat16 peak: an assumption, no measurement), for 1,281,167 pictures: 300 epochs 40.9 h.
 * Expected, 300 epochs: 20-NN 73.3 %, linear probe 76.0 % top-1; 100 epochs 69.3 and 74.0 % (official repository). The authors' numbers; not
 * run to its end here.
 */
import { defineRun } from "lacuna";
import mocoV3 from "./moco-v3-vit-base-16.js";

export default defineRun({
  epochs: 300,
  model: {
    ...{ name: "vit", size: "small", patchSize: 16 },
    ...{ positions: "learned", positionOffset: 0.1, dropPath: 0.1 },
  },
  method: {
    name: "dino",
    outputs: 65_536,
    projector: { normLastLayer: false, frozenEpochs: 1 },
    teacherTemperature: { from: 0.04, to: 0.07, shape: "linear", over: 0.1 },
    momentum: { from: 0.996, to: 1, shape: "cosine", over: 1 },
    augmentation: { scale: [0.4, 1], locals: 8, localScale: [0.05, 0.4], localSize: 96 },
  },
  data: { ...mocoV3.data, batchSize: 1024 },
  optim: {
    ...{ name: "adamw", baseLearningRate: 5e-4, minimumLearningRate: 1e-6, betas: [0.9, 0.999], warmupEpochs: 10 },
    ...{ weightDecay: 0.04, finalWeightDecay: 0.4 },
  },
});
