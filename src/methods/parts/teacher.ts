import { ShapeError } from "../../engine/errors.js";
import { noGrad } from "../../engine/modes.js";
import type { Encoder, Pool } from "../../models/encoder.js";
import { DropPath } from "../../nn/drop-path.js";
import { Buffer, Module, type Parameter, type Part } from "../../nn/module.js";
import { averageInto } from "../../optim/average.js";
import type { Tensor } from "../../tensor/tensor.js";

/**
 * A momentum encoder: a second encoder and projector that no gradient reaches, moved after its student by an exponential average
 * (MoCo, BYOL, DINO). Only parameters are averaged; the running statistics of its batch norms are those of its own pictures.
 * Its tensors have the names of the student's, below `teacher.`.
 */
export class Teacher extends Module<[Tensor], Tensor> {
  constructor(
    readonly encoder: Encoder,
    readonly projector: Module,
    private readonly pool: Pool,
  ) {
    super();
    for (const parameter of this.state().values()) parameter.setRequiresGrad(false);
  }

  /** Its batch norms see the batch as the student's do; branches are left out on the student's side alone (DINO). */
  override setTraining(on: boolean): void {
    super.setTraining(on);
    stopDropPaths(this);
  }

  /** image [B C H W] -> its projection [B D], without a gradient */
  protected forward(image: Tensor): Tensor {
    return noGrad(() => this.projector.call(this.encoder.features(image, this.pool))); // [B D]
  }

  /** Becomes a copy of the student, buffers too: how a run begins. @param student has `encoder` and `projector` */
  copy(student: Module<never[], unknown>): void {
    noGrad(() => {
      for (const { own, theirs } of this.pairs(student)) own.copy_(theirs);
    });
  }

  /** One step after the student: `own = momentum · own + (1 − momentum) · student`. */
  follow(student: Module<never[], unknown>, momentum: number): void {
    const pairs = this.pairs(student).filter(({ own }) => !(own instanceof Buffer));
    averageInto(
      pairs.map(({ own }) => own),
      pairs.map(({ theirs }) => theirs),
      momentum,
    );
  }

  private pairs(student: Module<never[], unknown>): { own: Parameter; theirs: Parameter }[] {
    const state = student.state();
    return [...this.state()].map(([name, own]) => {
      const theirs = state.get(name);
      if (theirs !== undefined) return { own, theirs };
      throw new ShapeError({
        problem: `a teacher has ${name}, its student has not.`,
        code: "teacher",
        path: name,
        expected: "a student with an encoder and a projector of the teacher's shapes",
        actual: [...state.keys()].slice(0, 3),
      });
    });
  }
}

function stopDropPaths(module: Part): void {
  if (module instanceof DropPath) module.setTraining(false);
  for (const [, child] of module.children()) stopDropPaths(child);
}
