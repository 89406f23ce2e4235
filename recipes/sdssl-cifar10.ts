/**
 * SDSSL over MoCo v3 on CIFAR-10, small enough for two cores. Jang et al., WACV 2023, arXiv 2111.12958; model, pictures and rates are those of
 * recipes/moco-v3-cifar10.ts, so that the two can be compared.
 *
 *   npx lacuna pretrain recipes/sdssl-cifar10.ts --seed=0
 *
 * Cost: 63.25 M multiply-adds a picture, for 50,000 pictures 12.99 T multiply-adds in all.
 * Expected: nobody has published a run of this size, and it has not been run to its end here.
 */
import { defineRun } from "lacuna";
import mocoV3 from "./moco-v3-cifar10.js";

export default defineRun({
  ...mocoV3,
  method: {
    name: "sdssl",
    host: "mocoV3",
    momentum: { from: 0.99, to: 1 },
    hidden: 512,
    augmentation: { scale: [0.2, 1], blur: false },
  },
});
