/**
 * SwAV, ResNet-50 on ImageNet-1k with batches of 256 pictures: the official code's run for few GPUs (facebookresearch/swav,
 * scripts/swav_200ep_bs256_pretrain.sh). Caron et al., NeurIPS 2020, arXiv 2006.09882.
 *
 *   npx lacuna pretrain recipes/swav-resnet-50.ts --data.source.path=<imagenet>/train --device=cuda
 *
 * The batch cannot be cut into micro-batches: codes are made over it. The run for many GPUs has batches of 4,096 at base rate 0.3 with ten
 * epochs of warm-up, prototypes frozen for 313 steps, and no queue.
 *
 * Cost: 12.72 G multiply-adds a picture, eight crops; one H100 or H200 is estimated to take, as `lacuna plan` does (30 % of its bfloat16
 * peak: an assumption, no measurement), for 1,281,167 pictures: 200 epochs 18.3 h.
 * Expected, linear probe: 72.7 % top-1 after 200 epochs, 74.3 after 400; 75.3 with batches of 4,096 after 800 (official repository). The authors'
 * numbers; not run to its end here.
 */
import { defineRun } from "lacuna";
import mocoV3 from "./moco-v3-resnet-50.js";

export default defineRun({
  epochs: 200,
  model: { name: "resnet", size: "resnet50" },
  method: {
    name: "swav",
    prototypes: 3000,
    frozenSteps: 5005,
    queue: { length: 3840, fromEpoch: 15 },
    augmentation: { scale: [0.14, 1], locals: 6, localScale: [0.05, 0.14], localSize: 96 },
  },
  data: { ...mocoV3.data, batchSize: 256 },
  optim: { name: "larc", baseLearningRate: 0.6, minimumLearningRate: 6e-4, weightDecay: 1e-6, warmupEpochs: 0 },
});
