/**
 * SDSSL over MoCo v3, ViT-B/16 on ImageNet-1k. Jang et al., WACV 2023, arXiv 2111.12958; the settings are those of the official code
 * (hagiss/SDSSL, SD_moco.json; over BYOL: --method.host=byol; over SimCLR: --method.host=simclr --optim.baseLearningRate=1.3e-4).
 *
 *   npx lacuna pretrain recipes/sdssl-vit-base-16.ts --data.source.path=<imagenet>/train --device=cuda
 *
 * That code has 128 pictures a device and does not say how many devices; 4096 as MoCo v3's is a guess. The batch cannot be cut, for its
 * other pictures are the negatives (`lacuna plan` says what memory that takes).
 *
 * Cost: 70.58 G multiply-adds a picture, two views through student and teacher; one H100 or H200 is estimated to take, as `lacuna plan`
 * does (30 % of its bfloat16 peak: an assumption, no measurement), for 1,281,167 pictures: 300 epochs 4.2 days.
 * Expected: copy detection mAP 76.3, where MoCo v3 alone has 74.8 (figure in the official repository). The authors' numbers; not run to
 * their end here.
 */
import { defineRun } from "lacuna";
import mocoV3 from "./moco-v3-vit-base-16.js";

export default defineRun({
  ...mocoV3,
  method: { name: "sdssl", host: "mocoV3", ratio: 1, momentum: { from: 0.996, to: 1 }, hidden: 4096, output: 256 },
});
