/**
 * A masked autoencoder (He et al., CVPR 2022, arXiv 2111.06377) on Fashion-MNIST (Xiao, Rasul, Vollgraf, arXiv 1708.07747):
 * grey pictures of 28 × 28 pixels in patches of 4.
 *
 *   npx lacuna pretrain recipes/mae-fashion-mnist.ts
 *
 * Cost: 47.25 M multiply-adds a picture, for 60,000 pictures 42.45 T multiply-adds in all; at the 90 G a second that two
 * cores with bfloat16 were measured to reach on the CIFAR-10 reference about eight minutes (an estimate).
 * Expected: nobody has published this setting. Raw pixels are hard to beat here (1- and 10-NN 78.8 % from 100 labels a
 * class): what counts is the gain over the untrained encoder.
 */
import { defineRun } from "lacuna";

export default defineRun({
  epochs: 5,
  model: { name: "vit", width: 192, depth: 6, heads: 3, patchSize: 4 },
  method: { name: "mae", augmentation: "fixedCrop", decoder: { width: 96, depth: 2, heads: 3 } },
  data: {
    source: { kind: "fashion-mnist", split: "train" },
    heldOut: { kind: "fashion-mnist", split: "test" },
    imageSize: 28,
    channels: 1,
    batchSize: 256,
    mean: [0.286], // of the training set's pixels, as torchvision's examples give them
    std: [0.353],
  },
  optim: { name: "adamw", baseLearningRate: 6e-4 },
});
