import type { Loader } from "../data/loader.js";
import type { ViewSpec } from "../data/views.js";
import { autocast, noGrad } from "../engine/modes.js";
import { scope } from "../engine/scope.js";
import type { Batch, Column, Loss, Method, ReadText, Rows, Step } from "../methods/method.js";
import { alone } from "../methods/world.js";
import type { Encoder } from "../models/encoder.js";
import { buildOptimizer } from "../optim/build.js";
import type { NamedTensor, Optimizer, Rates } from "../optim/optimizer.js";
import { decayScaleAt, rateAt } from "../optim/schedule.js";
import { backward, dropCheckpoints } from "../tensor/grad.js";
import { Rng } from "../tensor/random.js";
import { withRandom } from "../tensor/step-random.js";
import { type Tensor, tensor } from "../tensor/tensor.js";
import { textTensor, toImages } from "./batch.js";
import type { Derived } from "./config.js";
import { findNonFinite, NonFiniteError } from "./finite.js";
import { fitMethod } from "./loop/fit.js";
import { type LossShare, nonFiniteRemedy, takeStep, unread } from "./loop/step.js";
import type {
  Evaluation,
  LoopConfig,
  Measures,
  Precision,
  StepResult,
  TrainingBatch,
  UpdateWrapper,
} from "./loop/task.js";

/** What is trained, and in which views pictures are shown to it. */
export interface Training {
  readonly method: Method;
  /** In training. */
  readonly views: Readonly<Record<string, ViewSpec>>;
  /** Where held-out pictures are judged. */
  readonly validationViews: Readonly<Record<string, ViewSpec>>;
  /** Of the source, besides pictures. */
  readonly columns: readonly Column[];
  /** How captions become the column `text`, where that is asked for. */
  readonly readText?: ReadText | undefined;
  /** What a checkpoint must share with the run that loads it: plain values. */
  readonly architecture: unknown;
}

/**
 * A method in training, with labels or without: its optimiser, and what one step does to both. Knows nothing of files.
 */
export class Trainer implements Training {
  readonly method: Method;
  readonly encoder: Encoder;
  readonly optimizer: Optimizer;
  readonly views: Training["views"];
  readonly validationViews: Training["validationViews"];
  readonly columns: Training["columns"];
  readonly readText: ReadText | undefined;
  readonly architecture: unknown;

  constructor(
    readonly config: LoopConfig,
    readonly derived: Derived,
    readonly precision: Precision,
    training: Training,
  ) {
    this.method = training.method;
    this.encoder = training.method.encoder;
    this.views = training.views;
    this.validationViews = training.validationViews;
    this.columns = training.columns;
    this.readText = training.readText;
    this.architecture = training.architecture;
    this.method.initialize(new Rng(config.seed, "init"));
    if (config.checkpointing) this.encoder.setCheckpointing(true);
    this.optimizer = buildOptimizer(config.optim, this.method.parameters(), (parameter) =>
      this.method.ruleFor?.(parameter),
    );
  }

  /** Live tensors that a checkpoint holds besides the optimiser's. */
  state(): ReadonlyMap<string, Tensor> {
    return this.method.state();
  }

  /** Before a new run's first step: fits what has to see pictures, then lets teachers begin. @param open the training loader */
  async begin(open: () => Loader): Promise<void> {
    await fitMethod(this.method, this.config, open);
    noGrad(() => scope(() => this.method.begin?.()));
  }

  /** One step of the optimiser; `index` counts the steps taken before. @throws NonFiniteError, nothing is updated then */
  step(batch: TrainingBatch, index: number, around?: UpdateWrapper): StepResult {
    this.method.setTraining(true);
    const step = this.#step(batch.epoch, batch.samples, index);
    const parameters = this.method.parameters();
    return takeStep({
      optimizer: this.optimizer,
      parameters,
      rates: this.rates(index),
      clipNorm: this.config.optim.clipNorm,
      samples: batch.samples,
      around,
      accumulate: () => this.#accumulate(batch, step),
      before: () => this.#beforeUpdate(step, parameters),
      explain: () => this.#explain(batch, step),
      after: () => this.method.afterStep?.(step),
    });
  }

  /** Where the schedules stand, by the step. */
  rates(index: number): Rates {
    const { learningRate: peak, warmupSteps: warmup, steps: total } = this.derived;
    const { shape, minimumLearningRate } = this.config.optim;
    const minimum = Math.min(minimumLearningRate, peak);
    return {
      learningRate: rateAt(shape, { peak, warmup, total, minimum }, index),
      peakRate: peak,
      decayScale: decayScaleAt(this.config.optim, index / total),
    };
  }

  /** Without training and without changing anything; no more pictures at once than in a micro-batch. */
  evaluate(batch: TrainingBatch): Evaluation {
    this.method.setTraining(false);
    const B = batch.samples.length;
    const { microBatch } = this.derived;
    const sums: Record<string, number> = { loss: 0 };
    const predictions: number[] = [];
    const add = (values: Readonly<Record<string, number>>, factor: number): void => {
      for (const [name, value] of Object.entries(values)) sums[name] = (sums[name] ?? 0) + value * factor;
    };
    for (let start = 0; start < B; start += microBatch) {
      const rows = { start, end: Math.min(B, start + microBatch) };
      const rng = new Rng(this.config.seed, "heldOut", 0, batch.samples.slice(rows.start, rows.end));
      const step: Step = { index: 0, epoch: 0, progress: 0, rng, world: alone };
      const found = noGrad(() =>
        scope(() => this.#measure(this.#batch(batch, rows), step, (rows.end - start) / B, add)),
      );
      predictions.push(...found);
    }
    if (this.method.score !== undefined) for (const name of Object.keys(sums)) sums[name] = (sums[name] as number) / B;
    return { means: sums as Measures, predictions };
  }

  close(): void {
    this.optimizer.close();
    this.method.close();
  }

  #measure(
    batch: Batch,
    step: Step,
    share: number,
    add: (values: Readonly<Record<string, number>>, factor: number) => void,
  ): readonly number[] {
    const score = this.#precisely(step, () => this.method.score?.(batch, step));
    if (score !== undefined) {
      add(score.sums, 1);
      return Array.from(score.predictions ?? []);
    }
    const { total, parts = {} } = this.#forward(batch, step);
    const values = Object.entries(parts).map(([name, part]) => [name, part.item()] as const);
    add({ loss: total.item(), ...Object.fromEntries(values) }, share);
    return [];
  }

  /** Micro-batches, each a scope: their gradients add up to that of the whole batch. */
  #accumulate(batch: TrainingBatch, step: Step): LossShare[] {
    const { microBatch } = this.derived;
    const B = batch.samples.length;
    const rowsOf = this.#prepared(batch, step);
    const losses: LossShare[] = [];
    for (let start = 0; start < B; start += microBatch) {
      const rows = { start, end: Math.min(B, start + microBatch) };
      const share = (rows.end - rows.start) / B;
      const loss = scope(() => {
        const own = { ...step, rng: step.rng.at(step.epoch, batch.samples.slice(rows.start, rows.end)) };
        return unread(this.#descend(rowsOf(rows), own, share));
      });
      losses.push({ loss, share });
    }
    return losses;
  }

  /** What gives the batch of some rows: made by the method of the whole batch where it asks for that. */
  #prepared(batch: TrainingBatch, step: Step): (rows: Rows) => Batch {
    if (this.method.prepare === undefined) return (rows) => this.#batch(batch, rows);
    return this.method.prepare(this.#batch(batch), step);
  }

  /** Adds the gradient of a micro-batch's share, in one piece or in those that the method cuts its loss into. */
  #descend(batch: Batch, step: Step, share: number): Loss {
    const down = (loss: Tensor): void => backward(share === 1 ? loss : loss.mul(share));
    const cut = this.#precisely(step, () => this.method.pieces?.(batch, step));
    if (cut === undefined) {
      const loss = this.#forward(batch, step);
      down(loss.total);
      return loss;
    }
    for (const piece of cut.pieces) scope(() => down(this.#precisely(step, piece)));
    return cut.loss;
  }

  #forward(batch: Batch, step: Step): Loss {
    return this.#precisely(step, () => this.method.call(batch, step));
  }

  /** In the run's precision, layers drawing from the step's keys. */
  #precisely<R>(step: Step, body: () => R): R {
    return autocast(this.precision, () => withRandom(step.rng.fork("layers"), body), this.config.device);
  }

  #beforeUpdate(step: Step, parameters: readonly NamedTensor[]): Readonly<Record<string, Tensor>> {
    return noGrad(() => this.method.beforeUpdate?.(step, parameters)) ?? {};
  }

  #step(epoch: number, samples: readonly number[], index: number): Step {
    return {
      index,
      epoch,
      progress: index / this.derived.steps,
      rng: new Rng(this.config.seed, "step", epoch, samples),
      world: alone,
    };
  }

  /** Views and columns of some rows, or of all, on the run's device. */
  #batch(batch: TrainingBatch, { start, end }: Rows = { start: 0, end: batch.samples.length }): Batch {
    const { views, labels, captions } = batch;
    const { data, device } = this.config;
    const images = Object.entries(views).map(([name, view]) => {
      const bytes = view.height * view.width * view.channels;
      const part = { ...view, data: view.data.subarray(start * bytes, end * bytes) };
      return [name, toImages(part, data.mean, data.std, device)] as const; // [B C H W]
    });
    const columns: Record<string, Tensor> = {};
    if (this.columns.includes("label") && labels !== undefined)
      columns["label"] = tensor(BigInt64Array.from(labels.subarray(start, end), BigInt)).toDevice(device); // [B]
    if (this.readText !== undefined && captions !== undefined)
      columns["text"] = textTensor(captions.slice(start, end), this.readText).toDevice(device); // [B T]
    return { ...Object.fromEntries(images), ...columns };
  }

  #explain(batch: TrainingBatch, step: Step): NonFiniteError {
    dropCheckpoints();
    const whole = this.#prepared(batch, step)({ start: 0, end: batch.samples.length });
    const { path, what } = findNonFinite(this.method, Object.values(whole), () => this.#forward(whole, step));
    return new NonFiniteError(
      `the loss is not finite at step ${step.index}: ${what}.`,
      path,
      batch.samples,
      nonFiniteRemedy,
    );
  }
}
