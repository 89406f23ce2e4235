/**
 * What keeps SimSiam from collapsing: stop-gradient, predictor, batch norm (paper, section 4). Chen, He, CVPR 2021,
 * arXiv 2011.10566, on 10,000 pictures of CIFAR-10 with a narrow ResNet-18.
 *
 *   npx lacuna sweep recipes/studies/simsiam.ts
 *
 * Cost: 76.52 T multiply-adds of training, meant for half an hour of two cores.
 * Expected: the paper's run without stop-gradient, and the one without predictor, end in one point for all pictures,
 * which the column of verdicts says here; batch norm changes how well it learns. So short a run does not tell by how
 * many points.
 */
import { defineSweep } from "lacuna";

export default defineSweep({
  title: "SimSiam without its parts, CIFAR-10",
  base: {
    seed: 0,
    epochs: 6,
    model: { name: "resnet", size: "resnet18", stem: "cifar", width: 16, zeroInitResidual: true },
    method: {
      name: "simsiam",
      projector: { layers: 2, hidden: 512, output: 512 },
      predictor: { hidden: 128 },
      augmentation: { blur: false },
    },
    data: {
      source: { kind: "cifar10", split: "train", limit: 10_000 },
      imageSize: 32,
      batchSize: 128,
      mean: [0.4914, 0.4822, 0.4465],
      std: [0.247, 0.2435, 0.2616],
    },
    optim: { name: "sgd", baseLearningRate: 0.06, momentum: 0.9, weightDecay: 5e-4, warmupEpochs: 0 },
    log: { previewSeconds: 1e6, checkpointSeconds: 120 },
  },
  points: {
    whole: {},
    noStopGradient: { "method.stopGradient": false },
    noPredictor: { "method.predictor.layers": 0 },
    noNorms: {
      "method.projector.batchNorm": false,
      "method.projector.lastNorm": false,
      "method.predictor.batchNorm": false,
    },
    normsInside: { "method.projector.lastNorm": false },
    normsEverywhere: { "method.predictor.lastNorm": true },
  },
  evaluate: {
    train: { kind: "cifar10", split: "train", limit: 10_000 },
    test: { kind: "cifar10", split: "test", limit: 5000 },
  },
  reference: {
    source: "Chen, He, arXiv 2011.10566, section 4",
    setting: "ResNet-50, ImageNet-1k, 100 epochs",
    measures: {
      linear: {
        label: "linear probe, top-1",
        values: [
          ["whole", 68.1],
          ["noStopGradient", 0.1],
          ["noPredictor", 0.1],
          ["noNorms", 34.6],
          ["normsInside", 67.4],
        ],
        note: "with batch norm at the predictor's end training was unstable",
      },
    },
  },
});
