/**
 * BYOL on CIFAR-10 with a ResNet-18 for small pictures. Grill et al., NeurIPS 2020, arXiv 2006.07733, whose settings for 300 epochs
 * and more these are; the paper itself does not train on CIFAR-10.
 *
 *   npx lacuna pretrain recipes/byol-cifar10.ts
 *
 * Cost: 2.24 G multiply-adds a picture, two views through online and target network, for 50,000 pictures 178.0 P multiply-adds in all: a GPU's
 * work, on which it is estimated to take, as `lacuna plan` does (30 % of an H100's bfloat16 peak: an assumption, no measurement),
 * 800 epochs 20 min. On two cores `--epochs=2` shows that it learns.
 * Expected: nobody has published a run with exactly these settings. The repository lightly-ai/lightly has 91.0 % by k-NN after 800
 * epochs with a ResNet-18, batches of 512 and SGD. Those authors' number; not run to its end here.
 */
import { defineRun } from "lacuna";
import reference from "./mae-cifar10-reference.js";

export default defineRun({
  epochs: 800,
  model: { name: "resnet", size: "resnet18", stem: "cifar", zeroInitResidual: true },
  method: {
    name: "byol",
    momentum: { from: 0.99, to: 1 },
    augmentation: { blur: false },
  },
  data: { ...reference.data, batchSize: 512 },
  optim: { name: "lars", baseLearningRate: 0.3, momentum: 0.9, weightDecay: 1e-6, warmupEpochs: 10 },
});
