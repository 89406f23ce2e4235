/**
 * SimSiam on CIFAR-10 with the paper's ResNet-18 for small pictures (appendix D). Chen, He, CVPR 2021, arXiv 2011.10566.
 *
 *   npx lacuna pretrain recipes/simsiam-cifar10.ts
 *
 * Cost: 1.13 G multiply-adds a picture, two views, for 50,000 pictures 134.2 P multiply-adds in all: a GPU's work, on which it is estimated
 * to take, as `lacuna plan` does (30 % of an H100's bfloat16 peak: an assumption, no measurement), 800 epochs 15 min. On two cores
 * `--epochs=2` shows that it learns.
 * Expected, linear probe: 91.8 % top-1 after 800 epochs (paper, appendix D). The authors' number; not run to its end here.
 */
import { defineRun } from "lacuna";
import reference from "./mae-cifar10-reference.js";

export default defineRun({
  epochs: 800,
  model: { name: "resnet", size: "resnet18", stem: "cifar", zeroInitResidual: true },
  method: {
    name: "simsiam",
    projector: { layers: 2, hidden: 2048, output: 2048 },
    augmentation: { blur: false },
  },
  data: { ...reference.data, batchSize: 512 },
  optim: { name: "sgd", baseLearningRate: 0.03, momentum: 0.9, weightDecay: 5e-4, warmupEpochs: 0 },
});
