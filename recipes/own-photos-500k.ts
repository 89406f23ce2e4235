/**
 * About 500,000 photographs of your own: ViT-B/16 as in the paper (He et al., CVPR 2022, arXiv 2111.06377; appendix A.1,
 * table 8), half the batch and a quarter of the epochs.
 *
 *   npx lacuna pretrain recipes/own-photos-500k.ts --data.source.path=photos --data.heldOut.path=photos
 *
 * Is it the right tool? Here training from scratch begins to pay for any kind of pictures. Continuing from a public ViT-B on
 * your pictures for fifty epochs is still the cheaper first try (docs/guide/recipes.md).
 *
 * Cost: 9.67 G multiply-adds a picture, for 495,000 pictures (a hundredth is held out); one H100 or H200 is estimated to compute
 * for: 200 epochs 5.4 h, 800 epochs 21.5 h (`lacuna plan`; 30 % of its bfloat16 peak, an assumption). Sixteen cores decode
 * JPEGs of 500 × 375 as fast as that.
 * Expected: on two and a half times as many pictures (ImageNet-1k) and 1600 epochs the authors reach 83.6 % after
 * fine-tuning; the paper's figure 7 has a linear probe that is still rising at 1600 epochs. Not run to its end here.
 */
import { defineRun } from "lacuna";
import small from "./own-photos-50k.js";

const pictures = { kind: "folder", path: "photos", holdOut: 0.01 } as const;

export default defineRun({
  ...small,
  epochs: 200,
  model: { name: "vit", size: "base", patchSize: 16 },
  method: { name: "mae", decoder: { width: 512, depth: 8, heads: 16 } },
  data: {
    ...small.data,
    source: { ...pictures, part: "train" },
    heldOut: { ...pictures, part: "heldOut" },
    batchSize: 2048,
  },
  optim: { name: "adamw", baseLearningRate: 1.5e-4, accumulate: 8 },
  log: { heldOutEpochs: 2 },
});
