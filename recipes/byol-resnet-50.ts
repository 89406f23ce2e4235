/**
 * BYOL, ResNet-50 on ImageNet-1k with LARS. Grill et al., NeurIPS 2020, arXiv 2006.07733; the settings are those of the official code
 * (google-deepmind/deepmind-research) for 300 epochs (100 epochs: --optim.baseLearningRate=0.45; 1000 epochs:
 * --optim.baseLearningRate=0.2 --optim.weightDecay=1.5e-6 --method.momentum.from=0.996).
 *
 *   npx lacuna pretrain recipes/byol-resnet-50.ts --data.source.path=<imagenet>/train --device=cuda
 *
 * The batch cannot be cut, for its heads normalise over it; 4096 pictures need the memory of many GPUs (`lacuna plan` says how much).
 *
 * Cost: 16.39 G multiply-adds a picture, two views through online and target network; one H100 or H200 is estimated to take, as `lacuna
 * plan` does (30 % of its bfloat16 peak: an assumption, no measurement), for 1,281,167 pictures: 300 epochs 23.5 h,
 * 1000 epochs 3.3 days.
 * Expected, linear probe: 72.5 % top-1 after 300 epochs, 74.3 after 1000 (paper, tables 5 and 1). The authors' numbers; not run to its
 * end here.
 */
import { defineRun } from "lacuna";
import mocoV3 from "./moco-v3-resnet-50.js";

export default defineRun({
  epochs: 300,
  model: { name: "resnet", size: "resnet50", zeroInitResidual: true },
  method: { name: "byol", momentum: { from: 0.99, to: 1 } },
  data: { ...mocoV3.data, batchSize: 4096 },
  optim: { name: "lars", baseLearningRate: 0.3, momentum: 0.9, weightDecay: 1e-6, warmupEpochs: 10 },
});
