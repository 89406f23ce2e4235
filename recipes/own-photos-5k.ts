/**
 * About 5,000 photographs of your own: a small masked autoencoder (He et al., CVPR 2022, arXiv 2111.06377) that two cores
 * can train in a night. `lacuna pretrain <folder>` chooses much the same from the pictures; copy this file to decide it.
 *
 *   npx lacuna pretrain recipes/own-photos-5k.ts --data.source.path=photos --data.heldOut.path=photos
 *
 * Is it the right tool? With so few pictures a model that was pre-trained on a million others knows more than this one will:
 * take such features first (docs/guide/recipes.md), and train from scratch where your pictures are unlike photographs of
 * things (microscopy, radar, documents) or where weights of others may not be used.
 *
 * Cost: 197.8 M multiply-adds a picture, for 4,500 pictures (a tenth is held out) 1.06 P multiply-adds in all; at the 90 G a
 * second that two cores with bfloat16 were measured to reach on the reference configuration about three and a half hours, and
 * decoding on top: an estimate.
 * Expected: a loss well below 0.998, that of predicting each patch's mean; how useful the features become depends on the
 * pictures: compare with raw pixels (lacuna evaluate knn). Nobody has published this setting; that denoising autoencoders
 * learn from sets this small at all is shown in arXiv 2112.10740.
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
