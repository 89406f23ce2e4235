/**
 * DINO on CIFAR-10 with a small ViT. Caron et al., ICCV 2021, arXiv 2104.14294. The paper has no run on small pictures: crops of 32 and 16
 * pixels, no blur, 2,048 outputs and a teacher that moves faster are what its defaults lead to.
 *
 *   npx lacuna pretrain recipes/dino-cifar10.ts
 *
 * Cost: 1.02 G multiply-adds a picture, eight crops, for 50,000 pictures 23.28 P multiply-adds in all: a GPU's work. On two cores
 * `--epochs=1` shows that it learns.
 * Expected: nobody has published this run; a ResNet-18 with DINO reaches 20-NN 81.3 % after 200 epochs of CIFAR-10 (repository
 * lightly-ai/lightly). Not run to its end here.
 */
import { defineRun } from "lacuna";
import reference from "./mae-cifar10-reference.js";

export default defineRun({
  epochs: 200,
  model: { name: "vit", width: 192, depth: 6, heads: 3, patchSize: 4, positions: "learned", positionOffset: 0.1 },
  method: {
    name: "dino",
    outputs: 2048,
    projector: { hidden: 1024, bottleneck: 128 },
    momentum: { from: 0.996, to: 1, shape: "cosine", over: 1 },
    augmentation: { locals: 6, localSize: 16, blur: false },
  },
  data: { ...reference.data, batchSize: 256 },
  optim: {
    ...{ name: "adamw", baseLearningRate: 5e-4, minimumLearningRate: 1e-6, betas: [0.9, 0.999], warmupEpochs: 20 },
    ...{ weightDecay: 0.04, finalWeightDecay: 0.4 },
  },
});
