/**
 * Where a momentum copy matters: nowhere, the projector, last or first blocks, everywhere. Pham et al.,
 * arXiv 2208.05744, whose text and code were not at hand: this asks the abstract's question. SimCLR on 10,000 pictures of
 * CIFAR-10 with a narrow ResNet-18 of eight blocks, at equal steps.
 *
 *   npx lacuna sweep recipes/studies/momentum.ts
 *
 * Cost: 70.05 T multiply-adds of training, meant for half an hour of two cores.
 * Expected: by the paper's abstract the projector's copy alone does as well as a whole one, and one of the first
 * blocks hardly anything. `paper` is SimCLR as it is; `constantKeys` takes only the gradient through the keys away, so
 * that a copy's worth is counted from there.
 */
import { defineSweep } from "lacuna";
import simsiam from "./simsiam.js";

const slow = { "method.target.momentum": 0.9 } as const;

export default defineSweep({
  title: "Where a momentum copy acts, SimCLR on CIFAR-10",
  base: {
    ...simsiam.base,
    epochs: 4,
    model: { name: "resnet", size: "resnet18", stem: "cifar", width: 16 },
    method: { name: "simclr", temperature: 0.5, augmentation: { strength: 0.5, blur: false } },
  },
  points: {
    paper: {},
    constantKeys: {
      "method.target.momentum": 0,
      "method.target.scope": "projector",
      "method.target.route": "shared",
    },
    projector: { ...slow, "method.target.scope": "projector", "method.target.route": "shared" },
    lastTwo: { ...slow, "method.target.scope": "last", "method.target.layers": 2 },
    lastFour: { ...slow, "method.target.scope": "last", "method.target.layers": 4 },
    firstFour: { ...slow, "method.target.scope": "first", "method.target.layers": 4 },
    whole: slow,
  },
  evaluate: simsiam.evaluate,
});
