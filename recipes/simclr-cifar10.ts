/**
 * SimCLR on CIFAR-10 with a ResNet-18 for small pictures, by the command that the official code gives (google-research/simclr).
 * Chen, Kornblith, Norouzi, Hinton, ICML 2020, arXiv 2002.05709.
 *
 *   npx lacuna pretrain recipes/simclr-cifar10.ts
 *
 * Cost: 1.11 G multiply-adds a picture, two views, for 50,000 pictures 165.7 P multiply-adds in all: a GPU's work, on which it is estimated
 * to take, as `lacuna plan` does (30 % of an H100's bfloat16 peak: an assumption, no measurement), 1000 epochs 19 min. On two cores
 * `--epochs=2` shows that it learns.
 * Expected, linear probe: 91.1 % top-1 after 800 epochs with SGD, as the paper of SimSiam measured SimCLR with this network (arXiv
 * 2011.10566, appendix D). Those authors' number; not run to its end here.
 */
import { defineRun } from "lacuna";
import reference from "./mae-cifar10-reference.js";

export default defineRun({
  epochs: 1000,
  model: { name: "resnet", size: "resnet18", stem: "cifar", zeroInitResidual: true },
  method: {
    name: "simclr",
    temperature: 0.5,
    projector: { layers: 3 },
    augmentation: { strength: 0.5, blur: false },
  },
  data: { ...reference.data, batchSize: 512 },
  optim: { name: "lars", baseLearningRate: 1, momentum: 0.9, weightDecay: 1e-4, warmupEpochs: 10 },
});
