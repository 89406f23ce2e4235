import { ShapeError } from "../../engine/errors.js";
import { Rng } from "../../tensor/random.js";
import { type Shape, type Tensor, tensor } from "../../tensor/tensor.js";

/** Random numbers that are written down, by what they are for; drawn by key where nothing is written. */
export class ScriptedRng extends Rng {
  /** @param draws "mask": uniform numbers, a row [B …] for each sample */
  constructor(
    private readonly draws: ReadonlyMap<string, Tensor>,
    purpose = "",
    epoch = 0,
    samples?: readonly number[],
  ) {
    super(0, purpose, epoch, samples);
  }

  override fork(purpose: string): ScriptedRng {
    const path = this.purpose === "" ? purpose : `${this.purpose}/${purpose}`;
    return new ScriptedRng(this.draws, path, this.epoch, this.samples);
  }

  override at(epoch: number, samples: readonly number[] = this.samples): ScriptedRng {
    return new ScriptedRng(this.draws, this.purpose, epoch, samples);
  }

  /** @throws ShapeError where what is written has another shape */
  override uniform(shape: Shape, device = "cpu"): Tensor {
    const written = this.draws.get(this.purpose);
    if (written === undefined) return super.uniform(shape, device);
    const rows = written.indexSelect(0, tensor(BigInt64Array.from(this.samples, BigInt), [this.samples.length])); // [R …]
    const whole = [this.samples.length, ...shape];
    if (rows.shape.join() === whole.join()) return device === "cpu" ? rows : rows.toDevice(device);
    throw new ShapeError({
      problem: `numbers for ${this.purpose} are asked for as [${whole.join(" ")}], [${rows.shape.join(" ")}] are written down.`,
      code: "scripted-draw",
      path: this.purpose,
      expected: rows.shape,
      actual: whole,
    });
  }
}
