/**
 * Few labels on CIFAR-10: a masked autoencoder's encoder (He et al., CVPR 2022, arXiv 2111.06377) fine-tuned on 100
 * pictures of each class, and the same from scratch under the same budget. Layer decay and rate are the paper's (table 9).
 * Augmentation is light on purpose: no mixing and no erasing, which a hundred pictures a class do not repay.
 *
 *   npx lacuna pretrain recipes/mae-cifar10-reference.ts --epochs=20 --out runs/mae-cifar10
 *   npx lacuna finetune recipes/finetune-cifar10.ts --from=runs/mae-cifar10
 *   npx lacuna finetune recipes/finetune-cifar10.ts --optim.layerDecay=1 --out runs/scratch-cifar10
 *
 * With --from the model's shape is the checkpoint's. Without it this is the control from scratch; its layers all take the whole rate. Other seeds: --seed=1 --data.labels.seed=1.
 *
 * Cost: 2,100 steps of 128 pictures of 182.8 M multiply-adds; about ten minutes on two free cores with bfloat16 (an estimate).
 * Expected: clearly above from scratch. A smaller model (width 128, depth 4) after four epochs of pre-training, 100 epochs of the labels:
 * 52.9 against 45.5 %, three seeds (records/2026-11-25-finetune-cifar10); nobody has published this setting.
 */
import { defineFinetune } from "lacuna";

export default defineFinetune({
  task: "finetune",
  epochs: 300,
  model: { name: "vit", width: 192, depth: 6, heads: 3, patchSize: 4, dropPath: 0.1 },
  pool: "mean",
  data: {
    source: { kind: "cifar10", split: "train" },
    heldOut: { kind: "cifar10", split: "test" },
    labels: { perClass: 100, seed: 0 },
    imageSize: 32,
    batchSize: 128,
    mean: [0.4914, 0.4822, 0.4465],
    std: [0.247, 0.2435, 0.2616],
  },
  augmentation: {
    crop: { name: "shifted", padding: 4 },
    randAugment: { operations: 1, magnitude: 5 },
    erasing: { probability: 0 },
    mixing: { probability: 0 },
    smoothing: 0.1,
  },
  optim: {
    name: "adamw",
    baseLearningRate: 1e-3,
    betas: [0.9, 0.999],
    weightDecay: 0.05,
    layerDecay: 0.75,
    warmupEpochs: 10,
    minimumLearningRate: 1e-6,
  },
  average: 0,
  log: { heldOutEpochs: 30 },
});
