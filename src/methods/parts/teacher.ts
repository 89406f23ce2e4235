import { z } from "zod";
import { ShapeError } from "../../engine/errors.js";
import { noGrad } from "../../engine/modes.js";
import type { Encoder, Pool } from "../../models/encoder.js";
import { DropPath } from "../../nn/drop-path.js";
import { Buffer, Module, type Parameter, type Part } from "../../nn/module.js";
import { averageInto } from "../../optim/average.js";
import { rampBetween } from "../../optim/schedule.js";
import type { Tensor } from "../../tensor/tensor.js";

const averaged = {
  scope: z
    .enum(["all", "projector", "last", "first"])
    .default("all")
    .describe(
      "what is an average of the student, the rest being the student's own: all, the projector, it and the encoder's last layers, the encoder's first layers",
    ),
  layers: z.int().positive().default(1).describe("layers of the encoder that scopes last and first mean"),
  route: z
    .enum(["full", "shared"])
    .default("full")
    .describe(
      "full: an encoder of its own; shared: the student's features, which scope projector allows and which spares two passes",
    ),
};
const canShare = ({ scope, route }: { readonly scope: string; readonly route: string }): boolean =>
  route === "full" || scope === "projector";
const refusal = {
  error: "expected full, or scope projector: its target alone can share the student's features",
  path: ["route"],
};

/** Schema of what of a teacher is an average, and by which way it makes its targets (Pham et al. 2022, arXiv 2208.05744). */
export const targetConfig = z.strictObject(averaged).refine(canShare, refusal).prefault({});
/** What of a teacher is an average, defaults filled in. */
export type TargetConfig = z.output<typeof targetConfig>;

/** Schema of a teacher for a method whose paper has none: its momentum, and as `targetConfig`. */
export const addedTargetConfig = z
  .strictObject({
    momentum: rampBetween(0, 1)
      .default({ from: 0.99, to: 1, shape: "cosine", over: 1 })
      .describe("share of itself that the target keeps at a step; 0: the student as it is, without a gradient"),
    ...averaged,
  })
  .refine(canShare, refusal);

/** What a teacher follows: tensors by their names, those of its encoder below `encoder.`, of its projector below `projector.`. */
export interface Student {
  state(): ReadonlyMap<string, Parameter>;
}

/** What is moved after a student. Its tensors have the names of the student's; no gradient reaches them. */
abstract class Follower extends Module<[Tensor], Tensor> {
  abstract readonly projector: Module;

  /** Its batch norms see the batch as the student's do; branches are left out on the student's side alone (DINO). */
  override setTraining(on: boolean): void {
    super.setTraining(on);
    stopDropPaths(this);
  }

  /**
   * A view [B C H W] -> what the student is to meet [B D], without a gradient.
   * @param features the student's of that view [B W], asked for by the route `shared` alone
   */
  abstract target(image: Tensor, features: () => Tensor): Tensor;

  /** Whether a tensor of its state is an average; otherwise it is the student's. */
  protected isAverage(_name: string): boolean {
    return true;
  }

  /** Becomes a copy of the student, buffers too: how a run begins. */
  copy(student: Student): void {
    noGrad(() => {
      for (const { own, theirs } of this.pairs(student)) own.copy_(theirs);
    });
  }

  /** One step after the student: `own = momentum · own + (1 − momentum) · student`; what is no average becomes the student's. */
  follow(student: Student, momentum: number): void {
    const pairs = this.pairs(student).filter(({ own }) => !(own instanceof Buffer));
    const move = (part: typeof pairs, kept: number): void =>
      averageInto(
        part.map(({ own }) => own),
        part.map(({ theirs }) => theirs),
        kept,
      );
    const averages = pairs.filter(({ name }) => this.isAverage(name));
    const copies = pairs.filter(({ name }) => !this.isAverage(name));
    move(averages, momentum);
    if (copies.length > 0) move(copies, 0);
  }

  private pairs(student: Student): { name: string; own: Parameter; theirs: Parameter }[] {
    const state = student.state();
    return [...this.state()].map(([name, own]) => {
      const theirs = state.get(name);
      if (theirs !== undefined) return { name, own, theirs };
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

/**
 * A momentum encoder: a second encoder and projector that no gradient reaches, moved after its student by an exponential average
 * (MoCo, BYOL, DINO). Only parameters are averaged; the running statistics of its batch norms are those of its own pictures.
 * Its tensors have the names of the student's, below `teacher.`.
 */
export class Teacher extends Follower {
  constructor(
    readonly encoder: Encoder,
    readonly projector: Module,
    private readonly pool: Pool,
    private readonly averaged: Pick<TargetConfig, "scope" | "layers"> = { scope: "all", layers: 1 },
  ) {
    super();
    for (const parameter of this.state().values()) parameter.setRequiresGrad(false);
  }

  /** image [B C H W] -> its projection [B D], without a gradient */
  protected forward(image: Tensor): Tensor {
    return noGrad(() => this.projector.call(this.encoder.features(image, this.pool))); // [B D]
  }

  override target(image: Tensor): Tensor {
    return this.call(image); // [B D]
  }

  protected override isAverage(name: string): boolean {
    const { scope, layers } = this.averaged;
    if (scope === "all") return true;
    if (!name.startsWith("encoder.")) return scope !== "first";
    if (scope === "projector") return false;
    const layer = this.encoder.layerOf(name.slice("encoder.".length)); // 0: before the first
    return scope === "first" ? layer <= layers : layer > this.encoder.depth - layers || layers >= this.encoder.depth;
  }
}

/** A momentum projector alone, behind the student's features as constants: the route `shared`, with no second encoder. */
export class ProjectorTeacher extends Follower {
  constructor(readonly projector: Module) {
    super();
    for (const parameter of this.state().values()) parameter.setRequiresGrad(false);
  }

  /** features [B W] -> its projection [B D], without a gradient */
  protected forward(features: Tensor): Tensor {
    return noGrad(() => this.projector.call(features.detach())); // [B D]
  }

  override target(_image: Tensor, features: () => Tensor): Tensor {
    return this.call(features()); // [B D]
  }
}

/** The teacher of a configuration. @param makeEncoder called where it has an encoder of its own */
export function teacherFor(
  { route, ...averaged }: TargetConfig,
  parts: { readonly makeEncoder: () => Encoder; readonly projector: Module; readonly pool: Pool },
): Teacher | ProjectorTeacher {
  const { makeEncoder, projector, pool } = parts;
  return route === "shared" ? new ProjectorTeacher(projector) : new Teacher(makeEncoder(), projector, pool, averaged);
}

function stopDropPaths(module: Part): void {
  if (module instanceof DropPath) module.setTraining(false);
  for (const [, child] of module.children()) stopDropPaths(child);
}
