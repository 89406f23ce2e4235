/**
 * What tells siamese methods apart when all else is equal: loss, negatives, predictor and optimiser. Huang, Kong,
 * Zhang, ECCV 2022, arXiv 2208.00275, on 10,000 pictures of CIFAR-10 with a narrow ResNet-18.
 *
 *   npx lacuna sweep recipes/studies/fair.ts
 *
 * Cost: 67.71 T multiply-adds of training, meant for half an hour of two cores.
 * Expected: the official code's README has both losses equal under SGD (72.4 and 72.1 %) and the predictor on one
 * branch alone 1.2 points better than on both. Of transfer so small a study says nothing; `lacuna convert <point>
 * --norms-of <other point>` is the paper's remedy for it.
 */
import { defineSweep } from "lacuna";
import simsiam from "./simsiam.js";

const sgd = { "optim.name": "sgd", "optim.baseLearningRate": 0.06, "optim.weightDecay": 5e-4 } as const;
const lars = { "optim.name": "lars", "optim.baseLearningRate": 1, "optim.weightDecay": 1e-6 } as const;
const queue = { "method.loss": "infoNce", "method.queue": 1024 } as const;
const batch = { "method.loss": "infoNce", "method.queue": 0 } as const;
const cosine = { "method.loss": "cosine" } as const;

export default defineSweep({
  title: "Loss, negatives, predictor and optimiser, CIFAR-10",
  base: {
    ...simsiam.base,
    epochs: 2,
    model: { name: "resnet", size: "resnet18", stem: "cifar", width: 16 },
    method: {
      name: "mocoV2Plus",
      momentum: { from: 0.9, to: 1 },
      projector: { hidden: 512, output: 128 },
      predictor: { hidden: 512 },
      augmentation: { blur: false },
    },
    optim: { name: "sgd", momentum: 0.9, warmupEpochs: 0.3 },
  },
  points: {
    queueSgd: { ...queue, ...sgd },
    batchSgd: { ...batch, ...sgd },
    cosineSgd: { ...cosine, ...sgd },
    queueLars: { ...queue, ...lars },
    batchLars: { ...batch, ...lars },
    cosineLars: { ...cosine, ...lars },
  },
  axes: { "method.predictor.on": ["online", "both"] },
  evaluate: simsiam.evaluate,
});
