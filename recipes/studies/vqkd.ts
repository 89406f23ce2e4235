/**
 * How wide a code is, how many there are, and whether they begin as k-means: which of VQ-KD's codes are used (paper, section 3.3 and table 5).
 * Peng et al., arXiv 2208.06366, on 10,000 pictures of CIFAR-10 with a ViT of four blocks.
 *
 *   npx lacuna sweep recipes/studies/vqkd.ts
 *
 * The teacher is a network of random weights. For one that learned, an encoder with patches of 4 pixels and the same normalisation:
 * --method.teacher.name=run --method.teacher.run=<run>.
 *
 * Cost: 70.22 T multiply-adds of training, meant for half an hour of two cores.
 * Expected: in the paper narrower codes are used more, and a deeper decoder rebuilds better and leaves more codes unused. `used` and `codes`
 * of each point are in its events and in `lacuna inspect`.
 */
import { defineSweep } from "lacuna";
import simsiam from "./simsiam.js";

export default defineSweep({
  title: "Codes of VQ-KD, CIFAR-10",
  base: {
    ...simsiam.base,
    epochs: 4,
    model: {
      ...{ name: "vit", width: 128, depth: 4, heads: 4, patchSize: 4 },
      ...{ positions: "learned", keyBias: false },
    },
    method: { name: "vqkd", vocabulary: 512, decoder: { depth: 1 }, augmentation: "fixedCrop" },
    optim: { name: "adamw", baseLearningRate: 1e-3, betas: [0.9, 0.99], weightDecay: 1e-4, warmupEpochs: 0.6 },
  },
  points: {
    whole: {},
    narrowCodes: { "method.codeWidth": 8 },
    wideCodes: { "method.codeWidth": 128 },
    manyCodes: { "method.vocabulary": 4096 },
    randomCodes: { "method.firstCodes": "random" },
    deepDecoder: { "method.decoder.depth": 3 },
  },
  evaluate: simsiam.evaluate,
});
