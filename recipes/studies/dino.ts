/**
 * Centring and sharpening, each left out (paper, section 5.3, figure 7). Caron et al., ICCV 2021, arXiv 2104.14294, on
 * 10,000 pictures of CIFAR-10 with a ViT of four blocks.
 *
 *   npx lacuna sweep recipes/studies/dino.ts
 *
 * Cost: 74.56 T multiply-adds of training, meant for half an hour of two cores.
 * Expected: in the paper the teacher's entropy goes to 0 without centring and to the logarithm of its outputs without
 * sharpening, and both collapse. The teacher's entropy and the divergence of its output from the student's, the paper's
 * two panels, are drawn for all points (watched.svg); the table has the verdicts.
 */
import { defineSweep } from "lacuna";
import simsiam from "./simsiam.js";

export default defineSweep({
  title: "Centring and sharpening, DINO on CIFAR-10",
  base: {
    ...simsiam.base,
    epochs: 3,
    model: { name: "vit", width: 128, depth: 4, heads: 4, patchSize: 4 },
    method: {
      name: "dino",
      outputs: 1024,
      momentum: 0.98,
      projector: { hidden: 512, bottleneck: 128, frozenEpochs: 0.2 },
      augmentation: { locals: 4, localSize: 16 },
    },
    optim: { name: "adamw", baseLearningRate: 1e-3, weightDecay: 0.04, warmupEpochs: 0.5 },
  },
  points: {
    whole: {},
    withoutCentring: { "method.centreMomentum": 1 },
    withoutSharpening: { "method.teacherTemperature": 0.15 },
    withoutBoth: { "method.centreMomentum": 1, "method.teacherTemperature": 0.15 },
  },
  evaluate: simsiam.evaluate,
  watched: ["entropy", "divergence"],
});
