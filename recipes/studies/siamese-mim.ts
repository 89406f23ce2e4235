/**
 * What masked image modelling owes to its similarity, and what to its pictures. Kong and Zhang, CVPR 2023, arXiv 2208.04164, on 10,000 pictures of
 * CIFAR-10 with a ViT of four blocks: MAE, the similarities of its siamese view, BYOL's crops in place of masks, and MAE on 1 to 1,000 pictures
 * for as many steps. Fine-tuning judges; k-NN and linear probe say how semantic frozen features are.
 *
 *   npx lacuna sweep recipes/studies/siamese-mim.ts
 *
 * Cost: 89.30 T multiply-adds of training, meant for half an hour of two cores; fine-tuning takes about as long again.
 * Expected: by the paper's abstract success depends little on the similarity, features are a good first value though less semantic, and
 * occlusion changes them little. `lacuna evaluate occlusion <sweep>/points/* --data cifar10` draws up the last. The point `untrained`
 * takes one step. So short a run does not tell differences of a point.
 */
import { defineSweep } from "lacuna";
import simsiam from "./simsiam.js";

const mae = { name: "mae", augmentation: "fixedCrop", decoder: { width: 64, depth: 2, heads: 2 } } as const;
/** The first pictures alone, for as many steps. */
const only = (limit: number) => ({
  method: mae,
  "data.source": { kind: "cifar10", split: "train", limit, repeat: 10_000 / limit } as const,
});

export default defineSweep({
  title: "Masked image modelling as siamese networks, CIFAR-10",
  base: {
    ...simsiam.base,
    epochs: 6,
    model: { name: "vit", width: 128, depth: 4, heads: 4, patchSize: 4 },
    method: { ...mae, name: "siameseMim", hidden: 256, momentum: { from: 0.99, to: 1 } },
    optim: { name: "adamw", baseLearningRate: 1e-3, weightDecay: 0.05, warmupEpochs: 0.5 },
  },
  points: {
    mae: { method: mae },
    decoded: { "method.similarity": "decoded" },
    features: { "method.similarity": "features" },
    tokens: { "method.similarity": "tokens" },
    instances: { "method.similarity": "instances" },
    cosine: { "method.similarity": "cosine" },
    crops: { method: { name: "byol", momentum: { from: 0.99, to: 1 }, augmentation: { blur: false } } },
    one: only(1),
    ten: only(10),
    hundred: only(100),
    thousand: only(1000),
    untrained: { method: mae, epochs: 0.01 },
  },
  evaluate: { ...simsiam.evaluate, finetune: { epochs: 5, optim: { name: "adamw", warmupEpochs: 1 } } },
});
