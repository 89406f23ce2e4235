/**
 * SimSiam, ResNet-50 on ImageNet-1k. Chen, He, CVPR 2021, arXiv 2011.10566; the settings are those of the official code
 * (facebookresearch/simsiam) for 100 epochs.
 *
 *   npx lacuna pretrain recipes/simsiam-resnet-50.ts --data.source.path=<imagenet>/train --device=cuda
 *
 * The batch cannot be cut, for its heads normalise over it; 256 pictures are as good (--data.batchSize=256).
 *
 * Cost: 8.20 G multiply-adds a picture, two views; one H100 or H200 is estimated to take, as `lacuna plan` does (30 % of its bfloat16
 * peak: an assumption, no measurement), for 1,281,167 pictures: 100 epochs 5.9 h.
 * Expected, linear probe: 68.1 % top-1 after 100 epochs, 71.3 after 800 (paper, table 4). The authors' numbers; not run to its end here.
 */
import { defineRun } from "lacuna";
import mocoV3 from "./moco-v3-resnet-50.js";

export default defineRun({
  epochs: 100,
  model: { name: "resnet", size: "resnet50", zeroInitResidual: true },
  method: { name: "simsiam" },
  data: { ...mocoV3.data, batchSize: 512 },
  optim: { name: "sgd", baseLearningRate: 0.05, momentum: 0.9, weightDecay: 1e-4, warmupEpochs: 0 },
});
