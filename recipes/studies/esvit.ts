/**
 * The loss between regions, left out, from the start, and from two thirds of the run on (paper, section 3.2). Li et al., ICLR 2022,
 * arXiv 2106.09785, on 10,000 pictures of CIFAR-10 with a small Swin Transformer.
 *
 *   npx lacuna sweep recipes/studies/esvit.ts
 *
 * Cost: 64.93 T multiply-adds of training, meant for half an hour of two cores. What regions cost in `late` is not counted.
 * Expected: in the paper a Swin Transformer trained on views alone finds 66 % of corresponding places, with regions 91 %, and k-NN gains one to
 * two points. `lacuna evaluate correspondence <sweep>/points/* --data cifar10` measures the first; a map of 4 × 4 places is far coarser than
 * the paper's, and so short a run does not tell one point.
 */
import { defineSweep } from "lacuna";
import dino from "./dino.js";

const method = {
  ...{ outputs: 1024, momentum: 0.98, augmentation: { locals: 2, localSize: 16, blur: false } },
  projector: { hidden: 512, bottleneck: 128, normLastLayer: false, frozenEpochs: 0.2 },
} as const;

export default defineSweep({
  title: "The loss between regions, EsViT on CIFAR-10",
  base: {
    ...dino.base,
    epochs: 5,
    model: { name: "swin", width: 24, depths: [1, 1, 2, 1], patchSize: 1, window: 4, normEpsilon: 1e-6 },
    method: { name: "esvit", ...method },
  },
  points: {
    views: { method: { name: "dino", ...method } },
    regions: {},
    late: { "method.regionsFrom": 0.67 },
  },
  evaluate: dino.evaluate,
  watched: ["entropy", "divergence"],
});
