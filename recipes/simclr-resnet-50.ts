/**
 * SimCLR, ResNet-50 on ImageNet-1k with LARS, by the command that the official code gives for 100 epochs (google-research/simclr). Chen,
 * Kornblith, Norouzi, Hinton, ICML 2020, arXiv 2002.05709. With fewer pictures a step that code scales the rate by the root of
 * their number: for 1024, --data.batchSize=1024 --optim.baseLearningRate=0.6.
 *
 *   npx lacuna pretrain recipes/simclr-resnet-50.ts --data.source.path=<imagenet>/train --device=cuda
 *
 * The batch cannot be cut, for its pictures are each other's negatives; 4096 need the memory of many GPUs (`lacuna plan` says how much).
 *
 * Cost: 8.19 G multiply-adds a picture, two views; one H100 or H200 is estimated to take, as `lacuna plan` does (30 % of its bfloat16
 * peak: an assumption, no measurement), for 1,281,167 pictures: 100 epochs 5.9 h, 1000 epochs 2.4 days.
 * Expected, linear probe: 64.5 % top-1 after 100 epochs (official code), 69.3 after 1000 (paper, with a weight decay of 1e-6 and a
 * projector of two layers). The authors' numbers; not run to its end here.
 */
import { defineRun } from "lacuna";
import mocoV3 from "./moco-v3-resnet-50.js";

export default defineRun({
  epochs: 100,
  model: { name: "resnet", size: "resnet50", zeroInitResidual: true },
  method: { name: "simclr", temperature: 0.1, projector: { layers: 3 } },
  data: { ...mocoV3.data, batchSize: 4096 },
  optim: { name: "lars", baseLearningRate: 0.3, momentum: 0.9, weightDecay: 1e-4, warmupEpochs: 10 },
});
