/**
 * Efficient Self-supervised Vision Transformers (EsViT), Swin-T with windows of 7 on ImageNet-1k. Li et al., ICLR 2022, arXiv 2106.09785.
 * Official code: microsoft/esvit.
 *
 *   npx lacuna pretrain recipes/esvit-swin-tiny.ts --data.source.path=<imagenet>/train --device=cuda
 *
 * Both losses from the start, as published for this model; larger ones add the loss between regions after two thirds of the run
 * (`--method.regionsFrom=0.67`). The batch cannot be cut: its centres are means of all of it.
 *
 * Cost: 33.27 G multiply-adds a picture, ten crops; one H100 or H200 is estimated to take, as
 * `lacuna plan` does (30 % of its bfloat16 peak: an assumption, no measurement), for 1,281,167 pictures:
 * 300 epochs 2.3 days, with 16 cores that decode JPEGs.
 * Expected: linear probe 78.0 %, k-NN 75.7 % (paper). These are the authors' numbers; this recipe has not been run to its end here.
 */
import { defineRun } from "lacuna";

export default defineRun({
  epochs: 300,
  model: { name: "swin", size: "tiny", patchSize: 4, window: 7, normEpsilon: 1e-6, dropPath: 0.1 },
  method: {
    name: "esvit",
    projector: { normLastLayer: false },
    teacherTemperature: { from: 0.04, to: 0.07, shape: "linear", over: 0.1 },
  },
  data: {
    source: { kind: "folder", path: "imagenet/train" },
    imageSize: 224,
    batchSize: 512,
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
  },
  optim: {
    ...{ name: "adamw", baseLearningRate: 5e-4, minimumLearningRate: 1e-6, betas: [0.9, 0.999], warmupEpochs: 10 },
    ...{ weightDecay: 0.04, finalWeightDecay: 0.4 },
  },
});
