/**
 * MoCo v2, ResNet-50 on ImageNet-1k. Chen, Fan, Girshick, He, arXiv 2003.04297; the settings are those of the official code
 * (facebookresearch/moco). Version 1 (He et al., CVPR 2020, arXiv 1911.05722): --method.version=1.
 *
 *   npx lacuna pretrain recipes/moco-v2-resnet-50.ts --data.source.path=<imagenet>/train --device=cuda
 *
 * The official code shuffles keys over eight devices, whose norms `normSplits` stands for.
 *
 * Cost: 8.19 G multiply-adds a picture, a query and a key; one H100 or H200 is estimated to take, as `lacuna plan` does (30 % of its
 * bfloat16 peak: an assumption, no measurement), for 1,281,167 pictures: 200 epochs 7.9 h.
 * Expected, linear probe: 67.5 % top-1 after 200 epochs, 71.1 after 800; version 1 60.6 (papers). The authors' numbers; not run to its
 * end here.
 */
import { defineRun } from "lacuna";
import mocoV3 from "./moco-v3-resnet-50.js";

export default defineRun({
  epochs: 200,
  model: { name: "resnet", size: "resnet50", normSplits: 8 },
  method: { name: "moco" },
  data: { ...mocoV3.data, batchSize: 256 },
  optim: { name: "sgd", baseLearningRate: 0.03, momentum: 0.9, weightDecay: 1e-4, warmupEpochs: 0 },
});
