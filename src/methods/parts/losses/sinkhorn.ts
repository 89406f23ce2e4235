import { noGrad, withoutAutocast } from "../../../engine/modes.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { World } from "../../world.js";

/** How scores become codes. */
export interface SinkhornOptions {
  /** Smoothness of the codes: scores are divided by it. */
  readonly epsilon: number;
  readonly iterations: number;
  /** Which rows there are, 1 or 0 [N 1]; all if absent. */
  readonly counted?: Tensor;
  readonly world: World;
}

/**
 * Codes that use all prototypes equally: a few iterations of the Sinkhorn-Knopp algorithm (Cuturi 2013; SwAV, section 3.1 and main_swav.py,
 * `distributed_sinkhorn`). scores [N K] -> rows that sum to 1 [N K], float32, without a gradient; rows that do not count are zero.
 */
export function sinkhorn(scores: Tensor, { epsilon, iterations, counted, world }: SinkhornOptions): Tensor {
  return noGrad(() =>
    withoutAutocast(() => {
      const overAll = (value: Tensor): Tensor => world.mean(value).mul(world.size);
      const K = scores.side(1);
      const plain = scores.detach().float();
      const largest = world.gather(plain.amax([0, 1], true)).amax([0, 1]); // [], so that no exponential overflows
      const exponentials = plain.sub(largest).div(epsilon).exp(); // [N K]
      let codes = counted === undefined ? exponentials : exponentials.mul(counted);
      const rows = counted === undefined ? scores.side(0) * world.size : overAll(counted.sum()); // []
      codes = codes.div(overAll(codes.sum()));
      for (let i = 0; i < iterations; i++) {
        codes = codes.div(
          overAll(codes.sum([0], true))
            .clamp(tiny)
            .mul(K),
        ); // each prototype 1 / K
        codes = codes.div(codes.sum([1], true).clamp(tiny).mul(rows)); // each picture 1 / N
      }
      return codes.mul(rows);
    }),
  );
}

/** Of float32, about: a row that does not count stays zero. */
const tiny = 1e-37;
