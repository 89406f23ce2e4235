import type { Loader } from "../data/loader.js";
import type { Transform } from "../data/views.js";
import { autocast, noGrad } from "../engine/modes.js";
import { scope } from "../engine/scope.js";
import { buildMethod, methodViews } from "../methods/index.js";
import type { Loss, Method, Step } from "../methods/method.js";
import { buildEncoder } from "../models/index.js";
import type { Vit } from "../models/vit.js";
import { AdamW } from "../optim/adamw.js";
import { weightDecayGroups } from "../optim/groups.js";
import { Lars } from "../optim/lars.js";
import type { Optimizer } from "../optim/optimizer.js";
import { warmupCosine } from "../optim/schedule.js";
import { Sgd } from "../optim/sgd.js";
import { backward, dropCheckpoints } from "../tensor/grad.js";
import { Rng } from "../tensor/random.js";
import { withRandom } from "../tensor/step-random.js";
import type { Tensor } from "../tensor/tensor.js";
import { toImages } from "./batch.js";
import { architecture } from "./checkpoint.js";
import type { Derived, RunConfig } from "./config.js";
import { findNonFinite, NonFiniteError } from "./finite.js";
import { fitMethod } from "./loop/fit.js";
import { type LossShare, nonFiniteRemedy, takeStep, unread } from "./loop/step.js";
import {
  type Around,
  imageShape,
  type Measures,
  type Precision,
  type StepResult,
  type Task,
  type TrainingBatch,
} from "./loop/task.js";

/** Pre-training: model, method and optimiser of a run, and what one step does to them. Knows nothing of files. */
export class Trainer implements Task {
  readonly method: Method;
  readonly encoder: Vit;
  readonly optimizer: Optimizer;

  constructor(
    readonly config: RunConfig,
    readonly derived: Derived,
    readonly precision: Precision,
  ) {
    this.encoder = buildEncoder(config.model, imageShape(config));
    this.method = buildMethod(config.method, this.encoder);
    this.method.initialize(new Rng(config.seed, "init"));
    if (config.checkpointing) this.encoder.blocks.checkpointing = true;
    this.optimizer = buildOptimizer(config, this.method);
  }

  state(): ReadonlyMap<string, Tensor> {
    return this.method.state();
  }

  architecture(): unknown {
    return architecture(this.config);
  }

  views(): Readonly<Record<string, Transform>> {
    return methodViews(this.config.method, imageShape(this.config));
  }

  prepare(open: () => Loader): Promise<void> {
    return fitMethod(this.method, this.config, this.encoder.patches, open);
  }

  baseline(): number | undefined {
    return this.method.baseline?.();
  }

  /** One step of the optimiser; `index` counts the steps taken before. @throws NonFiniteError, nothing is updated then */
  step(batch: TrainingBatch, index: number, around?: Around): StepResult {
    this.method.setTraining(true);
    return takeStep({
      optimizer: this.optimizer,
      parameters: this.method.parameters(),
      learningRate: this.learningRate(index),
      clipNorm: this.config.optim.clipNorm,
      samples: batch.samples,
      around,
      accumulate: () => this.#accumulate(batch, index),
      explain: () => this.#explain(batch, index),
      after: () => this.method.afterStep?.(this.#step(batch.epoch, batch.samples, index)),
    });
  }

  /** Linear warm-up, half cosine, by the step (mae.md section 8). */
  learningRate(index: number): number {
    const { learningRate, warmupSteps, steps } = this.derived;
    const minimum = this.config.optim.minimumLearningRate;
    return warmupCosine({ peak: learningRate, warmup: warmupSteps, total: steps, minimum }, index);
  }

  /** The loss of held-out pictures with masks that never change; no more of them at once than in a micro-batch. */
  evaluate(batch: TrainingBatch): Measures {
    this.method.setTraining(false);
    const B = batch.samples.length;
    const { microBatch } = this.derived;
    let loss = 0;
    for (let start = 0; start < B; start += microBatch) {
      const end = Math.min(B, start + microBatch);
      const rng = new Rng(this.config.seed, "heldOut", 0, batch.samples.slice(start, end));
      const step: Step = { index: 0, epoch: 0, progress: 0, rng };
      const part = noGrad(() => scope(() => this.#forward(this.#images(batch, start, end), step).total.item()));
      loss += part * ((end - start) / B);
    }
    return { loss };
  }

  close(): void {
    this.optimizer.close();
    this.method.close();
  }

  /** Micro-batches, each a scope: their gradients add up to that of the whole batch. */
  #accumulate(batch: TrainingBatch, index: number): LossShare[] {
    const { microBatch } = this.derived;
    const share = microBatch / batch.samples.length;
    const losses: LossShare[] = [];
    for (let start = 0; start < batch.samples.length; start += microBatch) {
      const loss = scope(() => {
        const step = this.#step(batch.epoch, batch.samples.slice(start, start + microBatch), index);
        return unread(this.#descend(this.#images(batch, start, start + microBatch), step, share));
      });
      losses.push({ loss, share });
    }
    return losses;
  }

  /** Adds the gradient of a micro-batch's share, in one piece or in those that the method cuts its loss into. */
  #descend(views: Readonly<Record<"image", Tensor>>, step: Step, share: number): Loss {
    const down = (loss: Tensor): void => backward(share === 1 ? loss : loss.mul(share));
    const cut = this.#precisely(step, () => this.method.pieces?.(views, step));
    if (cut === undefined) {
      const loss = this.#forward(views, step);
      down(loss.total);
      return loss;
    }
    for (const piece of cut.pieces) scope(() => down(this.#precisely(step, piece)));
    return cut.loss;
  }

  #forward(views: Readonly<Record<"image", Tensor>>, step: Step): Loss {
    return this.#precisely(step, () => this.method.call(views, step));
  }

  /** In the run's precision, layers drawing from the step's keys. */
  #precisely<R>(step: Step, body: () => R): R {
    return autocast(this.precision, () => withRandom(step.rng.fork("layers"), body), this.config.device);
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

  #explain(batch: TrainingBatch, index: number): NonFiniteError {
    dropCheckpoints();
    const images = this.#images(batch, 0, batch.samples.length);
    const step = this.#step(batch.epoch, batch.samples, index);
    const { path, what } = findNonFinite(this.method, images.image, () => this.#forward(images, step));
    return new NonFiniteError(
      `the loss is not finite at step ${index}: ${what}.`,
      path,
      batch.samples,
      nonFiniteRemedy,
    );
  }
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
