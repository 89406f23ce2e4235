/**
 * The depth of the decoder (paper, table 1a). He et al., CVPR 2022, arXiv 2111.06377, on CIFAR-10.
 *
 *   npx lacuna sweep recipes/sweeps/mae-decoder-depth-cifar10.ts
 *
 * Full size, with the model of recipes/mae-cifar10-reference.ts:
 *
 *   npx lacuna sweep recipes/sweeps/mae-decoder-depth-cifar10.ts --out runs/mae-decoder-depth-cifar10-full --epochs=4 \
 *     --model.width=192 --model.depth=6 --model.heads=3 --method.decoder.width=96 --method.decoder.heads=3 \
 *     --data.batchSize=256 --optim.baseLearningRate=6e-4 --optim.warmupEpochs=0.4
 *
 * Cost: 16.83 T multiply-adds of training; the full size 183.2 T, half an hour, by the 90 G a
 * second that two cores with bfloat16 were measured to reach.
 * Expected: the paper's linear probe gains eight points from one block to eight, its fine-tuning nothing; what came out
 * here is in records/2026-11-25-sweep-decoder-depth.
 */
import { defineSweep } from "lacuna";
import ratio from "./mae-mask-ratio-cifar10.js";

export default defineSweep({
  title: "Decoder depth, MAE on CIFAR-10",
  base: ratio.base,
  axes: { "method.decoder.depth": [1, 2, 4, 8] },
  evaluate: ratio.evaluate,
  reference: {
    source: "He et al., arXiv 2111.06377, table 1a",
    setting: "ViT-L/16, ImageNet-1k, 800 epochs, raw pixels, decoder 512 wide",
    axis: "method.decoder.depth",
    measures: {
      linear: {
        label: "linear probe, top-1",
        values: [
          [1, 65.5],
          [2, 70.0],
          [4, 71.9],
          [8, 73.5],
          [12, 73.3],
        ],
      },
      finetune: {
        label: "fine-tuning, top-1",
        values: [
          [1, 84.8],
          [2, 84.9],
          [4, 84.9],
          [8, 84.9],
          [12, 84.4],
        ],
      },
    },
  },
});
