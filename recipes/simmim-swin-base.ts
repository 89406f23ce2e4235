/**
 * SimMIM: A Simple Framework for Masked Image Modeling, Swin-B on ImageNet-1k at 192 px. Xie et al., CVPR 2022, arXiv 2111.09886. Official
 * code: microsoft/SimMIM, configs/swin_base__100ep and swin_base__800ep.
 *
 *   npx lacuna pretrain recipes/simmim-swin-base.ts --data.source.path=<imagenet>/train --device=cuda
 *
 * 100 epochs, after half a cosine down to a twentieth of the rate. The released weights of 800 epochs have half the rate, which falls to a
 * tenth at epoch 700 (`--epochs=800 --optim.baseLearningRate=5e-5 --optim.shape.name=steps --optim.shape.at=[0.875]`). Warm-up begins at
 * zero here and at 4e-6 there. Set optim.accumulate so that a micro-batch fits the device.
 *
 * Cost: 11.39 G multiply-adds a picture; one H100 or H200 is estimated to take, as
 * `lacuna plan` does (30 % of its bfloat16 peak: an assumption, no measurement), for 1,281,167 pictures:
 * 100 epochs 8.2 h, 800 epochs 2.7 days, with 16 cores that decode JPEGs.
 * Expected after fine-tuning at 192 px: 82.8 % top-1 with 100 epochs; at 224 px 83.5 % with 100 and 84.0 % with 800 (official repository). These
 * are the authors' numbers; this recipe has not been run to its end here.
 */
import { defineRun } from "lacuna";

export default defineRun({
  epochs: 100,
  model: { name: "swin", size: "base", patchSize: 4, window: 6 },
  method: { name: "simmim" },
  data: {
    source: { kind: "folder", path: "imagenet/train" },
    imageSize: 192,
    batchSize: 2048,
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
  },
  optim: {
    name: "adamw",
    baseLearningRate: 1e-4,
    betas: [0.9, 0.999],
    weightDecay: 0.05,
    minimumLearningRate: 4e-5,
    warmupEpochs: 10,
    clipNorm: 5,
    accumulate: 32,
  },
});
