/**
 * A start for one's own photographs: a small masked autoencoder (He et al., CVPR 2022, arXiv 2111.06377) that two cores
 * can train. `lacuna pretrain <folder>` chooses all of this from the pictures; copy this file to decide it yourself.
 *
 *   npx lacuna pretrain recipes/mae-own-photos.ts --data.source.path=photos --data.heldOut.path=photos
 *
 * Cost: `lacuna plan` counts 0.20 G multiply-adds a picture; at the speed that two cores with bfloat16 reach on the
 * reference configuration (9e10 a second) about 160 pictures a second, decoding not counted: an estimate. 3,000
 * pictures 400 times are then two to three hours.
 * Expected: a loss well below 0.998, that of predicting each patch's mean; how useful the features become depends on the
 * pictures: compare with raw pixels (lacuna evaluate knn).
 */
import { defineRun } from "lacuna";

const pictures = { kind: "folder", path: "photos", holdOut: 0.1 } as const;

export default defineRun({
  epochs: 400,
  model: { name: "vit", size: "tiny", patchSize: 16 },
  method: { name: "mae", decoder: { width: 128, depth: 2, heads: 4 } },
  data: {
    source: { ...pictures, part: "train" },
    heldOut: { ...pictures, part: "heldOut" },
    imageSize: 160,
    batchSize: 128,
  },
  optim: { name: "adamw", baseLearningRate: 6e-4 },
  log: { heldOutEpochs: 4 },
});
