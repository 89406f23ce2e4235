/**
 * About 50,000 photographs of your own: ViT-S/16 as a masked autoencoder (He et al., CVPR 2022, arXiv 2111.06377), on one GPU.
 * The decoder is smaller than the paper's, as is the encoder (DeiT's S).
 *
 *   npx lacuna pretrain recipes/own-photos-50k.ts --data.source.path=photos --data.heldOut.path=photos
 *
 * Is it the right tool? If the pictures are photographs of things, continue from a public ViT-B instead
 * (docs/guide/recipes.md): that costs less and ends better. For other kinds of pictures this is enough to learn from.
 *
 * Cost: 1.83 G multiply-adds a picture, for 47,500 pictures (a twentieth is held out) 103.6 P multiply-adds in all; one H100
 * or H200 is estimated to compute for: 400 epochs 12 min (`lacuna plan`; 30 % of its bfloat16 peak, an assumption that small
 * models miss). Decoding is the work: 15.4 h of one core, an hour of sixteen.
 * Expected: nobody has published this setting. On ImageNet-1k, ViT-S reaches a linear probe of 49.7 % after 800 epochs
 * (CrossMAE's repository): a small model has to be fine-tuned to be good.
 */
import { defineRun } from "lacuna";

const pictures = { kind: "folder", path: "photos", holdOut: 0.05 } as const;

export default defineRun({
  epochs: 400,
  device: "cuda",
  model: { name: "vit", size: "small", patchSize: 16 },
  method: { name: "mae", decoder: { width: 256, depth: 4, heads: 8 } },
  data: {
    source: { ...pictures, part: "train" },
    heldOut: { ...pictures, part: "heldOut" },
    imageSize: 224,
    batchSize: 1024,
  },
  optim: { name: "adamw", baseLearningRate: 1.5e-4, accumulate: 4 },
  log: { heldOutEpochs: 4 },
});
