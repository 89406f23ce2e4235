/**
 * SwAV on CIFAR-10 with a ResNet-18 for small pictures. Caron et al., NeurIPS 2020, arXiv 2006.09882. The paper has no run on small pictures:
 * crops of 32 and 16 pixels without blur, and fewer prototypes with a queue that suits them, are what its defaults lead to.
 *
 *   npx lacuna pretrain recipes/swav-cifar10.ts
 *
 * Cost: 1.67 G multiply-adds a picture, six crops, for 50,000 pictures 50.16 P multiply-adds in all: a GPU's work. On two cores `--epochs=1`
 * shows that it learns.
 * Expected: nobody has published this run; the same network reaches 20-NN 84.2 % after 200 epochs with batches of 512 (repository
 * lightly-ai/lightly). Not run to its end here.
 */
import { defineRun } from "lacuna";
import reference from "./mae-cifar10-reference.js";

export default defineRun({
  epochs: 200,
  model: { name: "resnet", size: "resnet18", stem: "cifar" },
  method: {
    name: "swav",
    prototypes: 500,
    frozenSteps: 195,
    queue: { length: 512, fromEpoch: 15 },
    augmentation: { locals: 4, localSize: 16, blur: false },
  },
  data: { ...reference.data, batchSize: 256 },
  optim: { name: "larc", baseLearningRate: 0.6, minimumLearningRate: 6e-4, weightDecay: 1e-6, warmupEpochs: 0 },
});
