import { ShapeError } from "../engine/errors.js";
import { ConfigError } from "../errors.js";
import { nextRandom } from "../tensor/step-random.js";
import type { Tensor } from "../tensor/tensor.js";
import { Module } from "./module.js";

/**
 * Stochastic depth ("Deep Networks with Stochastic Depth", Huang et al., ECCV 2016; timm's `DropPath`): while training,
 * each sample's branch is left out with probability `rate`, and a kept one is divided by 1 − rate, so that the
 * expectation is the branch. Evaluation changes nothing. Its numbers come from `withRandom` (tensor/step-random.ts).
 */
export class DropPath extends Module {
  /** @throws ConfigError unless 0 ≤ rate < 1 */
  constructor(readonly rate: number) {
    super();
    if (!(rate >= 0 && rate < 1)) {
      const expected = "a number from 0 to below 1";
      throw new ConfigError({
        problem: `drop path: expected ${expected}, got ${rate}.`,
        code: "drop-path",
        path: "model.dropPath",
        expected,
        actual: rate,
      });
    }
  }

  /** Whether branches are dropped now. */
  get isOn(): boolean {
    return this.training && this.rate > 0;
  }

  /** branch [B …] -> [B …], whole samples zero or divided by the probability of keeping them */
  protected forward(branch: Tensor): Tensor {
    if (!this.isOn) return branch;
    const keep = 1 - this.rate;
    const rng = nextRandom("dropPath");
    const [B = 0, ...rest] = branch.shape;
    const times = B / rng.samples.length; // of a batch of several views, one after the other, each is drawn for
    if (!Number.isInteger(times)) {
      throw new ShapeError({
        problem: `drop path draws for ${rng.samples.length} samples, the batch has ${B} rows.`,
        code: "batch",
        expected: `a multiple of ${rng.samples.length}`,
        actual: branch.shape,
        remedy: "Give withRandom the keys of the samples that are in the batch.",
      });
    }
    const kept = rng.uniform([times], branch.device).lt(keep).transpose(0, 1); // [times samples]
    const factor = kept.to(branch.dtype).div(keep); // 0 or 1 / keep
    return branch.mul(factor.reshape([B, ...rest.map(() => 1)])); // [B …]
  }
}

/** Rates of `depth` blocks: linear from 0 for the first to `largest` for the last (Huang et al., section 3; timm). */
export function dropPathRates(largest: number, depth: number): number[] {
  return Array.from({ length: depth }, (_, i) => (depth === 1 ? 0 : (largest * i) / (depth - 1)));
}
