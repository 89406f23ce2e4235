/**
 * Efficient Masked Autoencoders with Self-Consistency, ViT-B/16 on ImageNet-1k. Li et al., TPAMI 2024, arXiv 2302.14431.
 * There is no official code. The abstracts say: ViT-B pre-trained for 300 epochs fine-tunes better than MAE's 1600 (83.6 %
 * top-1). K, the weight of the self-consistency loss and its form follow a public re-implementation; everything else is
 * MAE's recipe, the rate counted by pictures, not by parts (docs/methods/emae.md).
 *
 *   npx lacuna pretrain recipes/emae-vit-base-16.ts --data.source.path=<imagenet>/train --device=cuda
 *
 * Cost: `lacuna plan` counts the forward pass of a picture, all four parts: nearly four times MAE's, so that 300 epochs
 * cost what 1200 of MAE's do; pictures are read and decoded 300 times only. --method.twoPass=true takes a third more
 * work and MAE's memory at the same micro-batch. Not run to its end here.
 */
import { defineRun } from "lacuna";
import mae from "./mae-vit-base-16.js";

export default defineRun({
  ...mae,
  epochs: 300,
  method: { name: "emae", parts: 4, consistencyWeight: 1, decoder: { width: 512, depth: 8, heads: 16 } },
  optim: { ...mae.optim, name: "adamw", accumulate: 256 },
});
