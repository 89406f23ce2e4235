/**
 * MoCo v2+ on CIFAR-10: MoCo's loss and queue under BYOL's heads, on a ResNet-18 for small pictures. Huang, Kong, Zhang, ECCV 2022,
 * arXiv 2208.00275, whose official code has ImageNet alone: the queue and the size of pictures are MoCo's CIFAR-10 notebook's.
 *
 *   npx lacuna pretrain recipes/moco-v2-plus-cifar10.ts
 *
 * Cost: 2.24 G multiply-adds a picture, two views and their targets, for 50,000 pictures 44.80 P multiply-adds in all: a GPU's work, on
 * which it is estimated to take, as `lacuna plan` does (30 % of an H100's bfloat16 peak: an assumption, no measurement), 200 epochs 5 min.
 * On two cores `--epochs=2` shows that it learns.
 * Expected: nobody has published numbers of it on CIFAR-10. On ImageNet, with a ResNet-50: 72.4 % (official code's README).
 */
import { defineRun } from "lacuna";
import reference from "./mae-cifar10-reference.js";

export default defineRun({
  epochs: 200,
  model: { name: "resnet", size: "resnet18", stem: "cifar" },
  method: { name: "mocoV2Plus", queue: 4096, augmentation: { blur: false } },
  data: { ...reference.data, batchSize: 256 },
  optim: { name: "sgd", baseLearningRate: 0.03, momentum: 0.9, weightDecay: 1e-4, warmupEpochs: 10 },
});
