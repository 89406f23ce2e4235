/**
 * EsViT on CIFAR-10 with a small Swin Transformer. Li et al., ICLR 2022, arXiv 2106.09785. The paper has no run on small pictures: patches of a
 * pixel, windows of 4, crops of 32 and 16 pixels, no blur and 2,048 outputs are what its defaults lead to.
 *
 *   npx lacuna pretrain recipes/esvit-cifar10.ts
 *
 * Cost: 731.1 M multiply-adds a picture, six crops, for 50,000 pictures 16.30 P multiply-adds in all: a GPU's work. On two cores `--epochs=1`
 * shows that it learns.
 * Expected: nobody has published this run. Not run to its end here.
 */
import { defineRun } from "lacuna";
import reference from "./mae-cifar10-reference.js";

export default defineRun({
  epochs: 200,
  model: { name: "swin", width: 32, depths: [2, 2, 2, 2], patchSize: 1, window: 4, normEpsilon: 1e-6 },
  method: {
    name: "esvit",
    outputs: 2048,
    projector: { hidden: 1024, bottleneck: 128, normLastLayer: false },
    augmentation: { locals: 4, localSize: 16, blur: false },
  },
  data: { ...reference.data, batchSize: 256 },
  optim: {
    ...{ name: "adamw", baseLearningRate: 5e-4, minimumLearningRate: 1e-6, betas: [0.9, 0.999], warmupEpochs: 20 },
    ...{ weightDecay: 0.04, finalWeightDecay: 0.4 },
  },
});
