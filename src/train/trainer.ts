import { autocast, noGrad } from "../engine/modes.js";
import { scope } from "../engine/scope.js";
import { methods } from "../methods/index.js";
import type { Loss, Method, Step } from "../methods/method.js";
import { buildEncoder } from "../models/index.js";
import { pair, type Vit } from "../models/vit.js";
import { AdamW } from "../optim/adamw.js";
import { clipGradientNorm, gradientNorm } from "../optim/clip.js";
import { weightDecayGroups } from "../optim/groups.js";
import { Lars } from "../optim/lars.js";
import type { Optimizer } from "../optim/optimizer.js";
import { warmupCosine } from "../optim/schedule.js";
import { Sgd } from "../optim/sgd.js";
import { backward, dropCheckpoints } from "../tensor/grad.js";
import { Rng } from "../tensor/random.js";
import { withRandom } from "../tensor/step-random.js";
import type { Tensor } from "../tensor/tensor.js";
import { type PixelBatch, toImages } from "./batch.js";
import type { Derived, RunConfig } from "./config.js";
import { findNonFinite, findNonFiniteGradient, NonFiniteError } from "./finite.js";

/** The pictures of one step of the optimiser, as bytes. */
export interface TrainingBatch {
  readonly epoch: number;
  readonly samples: readonly number[];
  readonly views: Readonly<Record<string, PixelBatch>>;
}

export interface StepResult {
  readonly loss: number;
  readonly learningRate: number;
  readonly gradNorm: number;
  readonly parts: Readonly<Record<string, number>>;
}

/** Precision with `auto` settled. */
export type Precision = "bfloat16" | "float32";

/** Model, method and optimiser of a run, and what one step does to them. Knows nothing of files. */
export class Trainer {
  readonly method: Method;
  readonly encoder: Vit;
  readonly optimizer: Optimizer;

  constructor(
    readonly config: RunConfig,
    readonly derived: Derived,
    readonly precision: Precision,
  ) {
    this.encoder = buildEncoder(config.model, imageShape(config));
    this.method = methods[config.method.name].build(config.method, this.encoder);
    this.method.initialize(new Rng(config.seed, "init"));
    if (config.checkpointing) this.encoder.blocks.checkpointing = true;
    this.optimizer = buildOptimizer(config, this.method);
  }

  /** One step of the optimiser; `index` counts the steps taken before. @throws NonFiniteError, nothing is updated then */
  step(batch: TrainingBatch, index: number): StepResult {
    this.method.setTraining(true);
    return scope(() => {
      this.optimizer.zeroGrad();
      const loss = this.#accumulate(batch, index);
      if (!Number.isFinite(loss.total)) throw this.#explain(batch, index);
      const norm = this.#gradientNorm(batch);
      const rate = this.learningRate(index);
      this.optimizer.step(rate);
      this.optimizer.zeroGrad();
      this.method.afterStep?.(this.#step(batch.epoch, batch.samples, index));
      return { loss: loss.total, learningRate: rate, gradNorm: norm, parts: loss.parts };
    });
  }

  /** Linear warm-up, half cosine, by the step (mae.md section 8). */
  learningRate(index: number): number {
    const { learningRate, warmupSteps, steps } = this.derived;
    const minimum = this.config.optim.minimumLearningRate;
    return warmupCosine({ peak: learningRate, warmup: warmupSteps, total: steps, minimum }, index);
  }

  /** The loss of held-out pictures with masks that never change. */
  evaluate(batch: TrainingBatch): number {
    this.method.setTraining(false);
    return noGrad(() =>
      scope(() => {
        const rng = new Rng(this.config.seed, "heldOut", 0, batch.samples);
        const step: Step = { index: 0, epoch: 0, progress: 0, rng };
        return this.#forward(this.#images(batch, 0, batch.samples.length), step).total.item();
      }),
    );
  }

  close(): void {
    this.optimizer.close();
    this.method.close();
  }

  /** Micro-batches, each a scope: their gradients add up to that of the whole batch. */
  #accumulate(batch: TrainingBatch, index: number): { total: number; parts: Record<string, number> } {
    const { microBatch } = this.derived;
    const share = microBatch / batch.samples.length;
    const sums: Record<string, number> = {};
    let total = 0;
    for (let start = 0; start < batch.samples.length; start += microBatch) {
      scope(() => {
        const step = this.#step(batch.epoch, batch.samples.slice(start, start + microBatch), index);
        const loss = this.#forward(this.#images(batch, start, start + microBatch), step);
        backward(share === 1 ? loss.total : loss.total.mul(share));
        total += loss.total.item() * share;
        for (const [name, part] of Object.entries(loss.parts ?? {}))
          sums[name] = (sums[name] ?? 0) + part.item() * share;
      });
    }
    return { total, parts: sums };
  }

  #forward(views: Readonly<Record<"image", Tensor>>, step: Step): Loss {
    const forward = (): Loss => withRandom(step.rng.fork("layers"), () => this.method.call(views, step));
    return autocast(this.precision, forward, this.config.device);
  }

  #step(epoch: number, samples: readonly number[], index: number): Step {
    return {
      index,
      epoch,
      progress: index / this.derived.steps,
      rng: new Rng(this.config.seed, "step", epoch, samples),
    };
  }

  #images(batch: TrainingBatch, start: number, end: number): Readonly<Record<"image", Tensor>> {
    const { mean, std } = this.config.data;
    const images = Object.entries(batch.views).map(([name, view]) => {
      const bytes = view.height * view.width * view.channels;
      const part = { ...view, data: view.data.subarray(start * bytes, end * bytes) };
      return [name, toImages(part, mean, std, this.config.device)] as const; // [B C H W]
    });
    return Object.fromEntries(images) as Readonly<Record<"image", Tensor>>;
  }

  #gradientNorm(batch: TrainingBatch): number {
    const parameters = this.method.parameters();
    const { clipNorm } = this.config.optim;
    const norm = (clipNorm === undefined ? gradientNorm(parameters) : clipGradientNorm(parameters, clipNorm)).item();
    if (Number.isFinite(norm)) return norm;
    const name = findNonFiniteGradient(parameters);
    throw new NonFiniteError("the gradient is not finite although the loss is.", name, batch.samples, remedy);
  }

  #explain(batch: TrainingBatch, index: number): NonFiniteError {
    dropCheckpoints();
    const images = this.#images(batch, 0, batch.samples.length);
    const step = this.#step(batch.epoch, batch.samples, index);
    const { path, what } = findNonFinite(this.method, images.image, () => this.#forward(images, step));
    return new NonFiniteError(`the loss is not finite at step ${index}: ${what}.`, path, batch.samples, remedy);
  }
}

const remedy = "Lower the learning rate, lengthen the warm-up, or set optim.clipNorm; the last checkpoint is good.";

/** Size and channels of the pictures that a run trains on. */
export function imageShape({ data }: Pick<RunConfig, "data">): {
  imageSize: readonly [number, number];
  channels: number;
} {
  return { imageSize: pair(data.imageSize), channels: data.channels };
}

function buildOptimizer({ optim }: RunConfig, method: Method): Optimizer {
  const groups = weightDecayGroups(method.parameters(), optim.weightDecay);
  switch (optim.name) {
    case "adamw":
      return new AdamW(groups, optim);
    case "sgd":
      return new Sgd(groups, optim);
    case "lars":
      return new Lars(groups, optim);
  }
}
