/**
 * FLIP, ViT-B/16 with half of the patches left out. Li et al., CVPR 2023, arXiv 2212.00794, table 10; official code: facebookresearch/flip,
 * configs/cfg_flip_base.py.
 *
 *   npx lacuna pretrain recipes/flip-vit-base-16.ts --data.source.path=<pairs.csv> \
 *     --method.text.vocabulary=<vocab.txt> --device=cuda
 *
 * The paper's batch of 65,536 pairs must fit at once, since each pair is told from all others: on one device take the largest that does
 * (data.batchSize; the rate follows).
 *
 * Cost: 9.87 G multiply-adds a picture; one H100 or H200 is estimated to take, as
 * `lacuna plan` does (30 % of its bfloat16 peak: an assumption, no measurement), for 400,000,000 pictures:
 * 32 epochs 29.5 days, with as many cores as decode that fast.
 * Expected: 68.0 % zero-shot on ImageNet-1k (paper). This is the authors' number; this recipe has not been run to its end here.
 */
import { defineRun } from "lacuna";

export default defineRun({
  epochs: 32,
  model: { name: "vit", size: "base", patchSize: 16 },
  method: { name: "flip", maskRatio: 0.5, output: 512, text: { width: 512, depth: 12, heads: 8 } },
  data: {
    source: { kind: "list", path: "pairs.csv" },
    imageSize: 224,
    batchSize: 65_536,
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
  },
  optim: { name: "adamw", baseLearningRate: 4e-6, betas: [0.9, 0.95], weightDecay: 0.2, warmupEpochs: 0.128 },
  log: { probe: { everyEpochs: 0 } },
});
