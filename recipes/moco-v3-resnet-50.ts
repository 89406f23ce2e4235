/**
 * MoCo v3, ResNet-50 on ImageNet-1k with LARS. Chen, Xie, He, ICCV 2021, arXiv 2104.02057; the settings are those that the official
 * code gives for 300 epochs (facebookresearch/moco-v3; 100 epochs: --optim.baseLearningRate=0.6; 1000 epochs:
 * --optim.weightDecay=1.5e-6 --method.momentum.from=0.996).
 *
 *   npx lacuna pretrain recipes/moco-v3-resnet-50.ts --data.source.path=<imagenet>/train --device=cuda
 *
 * As with the ViTs the batch cannot be cut, and 4096 pictures need the memory of many GPUs (`lacuna plan` says how much).
 *
 * Cost: 16.39 G multiply-adds a picture, two views through student and teacher; one H100 or H200 is estimated to take, as `lacuna plan`
 * does (30 % of its bfloat16 peak: an assumption, no measurement), for 1,281,167 pictures: 100 epochs 7.8 h, 300 epochs 23.5 h.
 * Expected, linear probe: 72.8 % top-1 after 300 epochs, 68.9 after 100, 74.6 after 1000 (official code). The authors' numbers; not
 * run to its end here.
 */
import { defineRun } from "lacuna";
import base from "./moco-v3-vit-base-16.js";

export default defineRun({
  epochs: 300,
  model: { name: "resnet", size: "resnet50", zeroInitResidual: true },
  method: {
    name: "mocoV3",
    temperature: 1,
    momentum: { from: 0.99, to: 1, shape: "cosine", over: 1 },
    projector: { layers: 2, hidden: 4096, output: 256 },
    predictor: { layers: 2, hidden: 4096 },
    augmentation: { scale: [0.2, 1] },
  },
  data: base.data,
  optim: {
    name: "lars",
    baseLearningRate: 0.3,
    momentum: 0.9,
    weightDecay: 1e-6,
    trustCoefficient: 0.001,
    warmupEpochs: 10,
  },
});
