/**
 * VQ-KD, the tokenizer of BEiT v2: ViT-B/16 with a decoder of three blocks on ImageNet-1k. Peng et al., arXiv 2208.06366. Official code:
 * microsoft/unilm, beit2 (README, "Training the VQ-KD").
 *
 *   npx lacuna pretrain recipes/vqkd-vit-base-16.ts --data.source.path=<imagenet>/train --device=cuda \
 *     --method.teacher.name=run --method.teacher.run=dino_vitbase16_pretrain.pth
 *
 * The teacher may be any ViT-B/16 whose pictures are normalised as ImageNet's are: the released DINO as above, or a run of this package; without
 * the two settings it is a network of random weights. The official code prefers CLIP, whose features it projects to 512 numbers; here features
 * are the encoder's own.
 *
 * Cost: 39.90 G multiply-adds a picture; one H100 or H200 is estimated to take, as
 * `lacuna plan` does (30 % of its bfloat16 peak: an assumption, no measurement), for 1,281,167 pictures:
 * 100 epochs 20.3 h, with 16 cores that decode JPEGs.
 * Expected: all 8192 codes used on ImageNet's validation pictures, as by the release with DINO's features (official README). This recipe has not
 * been run to its end here.
 */
import { defineRun } from "lacuna";

export default defineRun({
  epochs: 100,
  model: { name: "vit", size: "base", patchSize: 16, positions: "learned", keyBias: false },
  method: { name: "vqkd" },
  data: {
    source: { kind: "folder", path: "imagenet/train" },
    imageSize: 224,
    batchSize: 512,
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
  },
  optim: {
    name: "adamw",
    baseLearningRate: 1e-4,
    minimumLearningRate: 1e-5,
    betas: [0.9, 0.99],
    weightDecay: 1e-4,
    warmupEpochs: 10,
  },
});
