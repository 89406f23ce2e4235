/**
 * A dVAE on CIFAR-10, for two cores: 64 tokens a picture from a vocabulary of 512. Papers: Ramesh et al., ICML 2021, arXiv 2102.12092; Bao et
 * al., ICLR 2022, arXiv 2106.08254, appendix C.
 *
 *   npx lacuna pretrain recipes/dvae-cifar10.ts --seed=0
 *
 * Cost: 320.6 M multiply-adds a picture, for 50,000 pictures 144.0 T multiply-adds in all.
 * Expected: nobody has published numbers for CIFAR-10, and none are recorded here yet.
 */
import { defineRun } from "lacuna";
import reference from "./mae-cifar10-reference.js";

export default defineRun({
  seed: 0,
  epochs: 3,
  model: { name: "vit", width: 192, depth: 4, heads: 3, patchSize: 4 },
  method: {
    name: "dvae",
    vocabulary: 512,
    codeWidth: 64,
    hidden: 64,
    klWeight: { from: 0, to: 0.034, over: 0.1 },
    augmentation: "fixedCrop",
  },
  data: reference.data,
  optim: { name: "adamw", baseLearningRate: 1e-3, betas: [0.9, 0.999], weightDecay: 1e-4, warmupEpochs: 0.1 },
});
