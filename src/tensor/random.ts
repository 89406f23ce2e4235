import { isCuda } from "../engine/device.js";
import { fillRandom } from "../engine/random.js";
import { empty } from "./creation.js";
import type { Shape, Tensor } from "./tensor.js";

/**
 * Keyed random numbers: (seed, purpose, epoch, sample) say which, so a row of a batch does not depend on its
 * neighbours, on the number of workers or on what was drawn before.
 */
export class Rng {
  constructor(
    readonly seed: number,
    readonly purpose = "",
    readonly epoch = 0,
    readonly samples: readonly number[] = [0],
  ) {}

  /** Numbers for another purpose: `rng.fork("mask")`. */
  fork(purpose: string): Rng {
    return new Rng(this.seed, this.purpose === "" ? purpose : `${this.purpose}/${purpose}`, this.epoch, this.samples);
  }

  /** The same purpose for other samples, or another epoch. */
  at(epoch: number, samples: readonly number[] = this.samples): Rng {
    return new Rng(this.seed, this.purpose, epoch, samples);
  }

  /** Uniform in [0, 1), float32; a row for each sample. @param shape of one row */
  uniform(shape: Shape, device = "cpu"): Tensor {
    return this.#fill(shape, "uniform", device);
  }

  /** Standard normal, float32; a row for each sample. @param shape of one row */
  normal(shape: Shape, device = "cpu"): Tensor {
    return this.#fill(shape, "normal", device);
  }

  #fill(shape: Shape, kind: "uniform" | "normal", device: string): Tensor {
    const whole = [this.samples.length, ...shape]; // [R …]
    if (device === "meta") return empty(whole, { device });
    const made = empty(whole, { pinned: isCuda(device) });
    fillRandom(made.id, this, kind);
    return device === "cpu" ? made : made.toDevice(device);
  }
}
