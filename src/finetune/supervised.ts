import { KeyedRandom } from "../data/random.js";
import type { Transform } from "../data/views.js";
import { autocast, noGrad } from "../engine/modes.js";
import { scope } from "../engine/scope.js";
import { buildEncoder } from "../models/index.js";
import type { Vit } from "../models/vit.js";
import { AdamW } from "../optim/adamw.js";
import { averageInto } from "../optim/average.js";
import { layerDecayGroups } from "../optim/groups.js";
import { Lars } from "../optim/lars.js";
import type { Optimizer } from "../optim/optimizer.js";
import { warmupCosine } from "../optim/schedule.js";
import { Sgd } from "../optim/sgd.js";
import { crossEntropy } from "../tensor/functional.js";
import { backward, dropCheckpoints } from "../tensor/grad.js";
import { Rng } from "../tensor/random.js";
import { withRandom } from "../tensor/step-random.js";
import { type Tensor, tensor } from "../tensor/tensor.js";
import { toImages } from "../train/batch.js";
import type { Derived } from "../train/config.js";
import { findNonFinite, NonFiniteError } from "../train/finite.js";
import { type LossShare, nonFiniteRemedy, takeStep, unread } from "../train/loop/step.js";
import {
  type Around,
  imageShape,
  type Measures,
  type Precision,
  type StepResult,
  type Task,
  type TrainingBatch,
} from "../train/loop/task.js";
import { judgingView, trainingView } from "./augmentation.js";
import { Classifier } from "./classifier.js";
import type { FinetuneConfig } from "./config.js";
import { erase_ } from "./erasing.js";
import { drawMix, type Mix, mixImages, mixTargets, partnerRows } from "./mixing.js";

/** Supervised training: classifier, optimiser, and what one step does to them. Knows nothing of files. */
export class Supervised implements Task {
  readonly bestBy = "top1";
  readonly model: Classifier;
  readonly encoder: Vit;
  readonly optimizer: Optimizer;
  readonly heldOutView: Transform;
  /** The same model with averaged weights; undefined where the run has none. */
  readonly averaged: Classifier | undefined;

  constructor(
    readonly config: FinetuneConfig,
    readonly derived: Derived,
    readonly precision: Precision,
  ) {
    this.model = buildClassifier(config);
    this.encoder = this.model.encoder;
    this.model.initialize(new Rng(config.seed, "init"));
    if (config.checkpointing) this.encoder.blocks.checkpointing = true;
    this.optimizer = buildOptimizer(config, this.model);
    this.averaged = isAveraged(config) ? buildClassifier(config) : undefined;
    this.heldOutView = judgingView(config.augmentation, this.encoder.imageSize);
    this.startAverage();
  }

  /** Sets the averaged weights to the present ones. */
  startAverage(): void {
    const { averaged } = this;
    if (averaged === undefined) return;
    const own = this.model.state();
    for (const [name, value] of averaged.state()) noGrad(() => value.copy_(own.get(name) as Tensor));
  }

  state(): ReadonlyMap<string, Tensor> {
    return new Map<string, Tensor>([...this.model.state(), ...(this.averaged?.state("averaged.") ?? [])]);
  }

  architecture(): unknown {
    const { model, pool, data } = this.config;
    const { dropPath: _, ...shape } = model;
    const { imageSize, channels } = data;
    const averaged = isAveraged(this.config);
    const { classes, trainBlocks } = this.model;
    return JSON.parse(JSON.stringify({ model: shape, pool, trainBlocks, classes, averaged, imageSize, channels }));
  }

  views(): Readonly<Record<string, Transform>> {
    return { image: trainingView(this.config.augmentation, this.encoder.imageSize) };
  }

  /** One step of the optimiser; `index` counts the steps taken before. @throws NonFiniteError, nothing is updated then */
  step(batch: TrainingBatch, index: number, around?: Around): StepResult {
    this.model.setTraining(true);
    return takeStep({
      optimizer: this.optimizer,
      parameters: this.model.parameters(),
      learningRate: this.learningRate(index),
      clipNorm: this.config.optim.clipNorm,
      samples: batch.samples,
      around,
      accumulate: () => this.#accumulate(batch, index),
      explain: () => this.#explain(batch, index),
      after: () => this.#average(index + 1),
    });
  }

  /** Linear warm-up, half cosine, by the step (mae.md section 9). */
  learningRate(index: number): number {
    const { learningRate, warmupSteps, steps } = this.derived;
    const minimum = Math.min(this.config.optim.minimumLearningRate, learningRate);
    return warmupCosine({ peak: learningRate, warmup: warmupSteps, total: steps, minimum }, index);
  }

  /** Cross-entropy, top-1 and top-5 accuracy; of the averaged weights where there are some, `top1Plain` beside them. */
  evaluate(batch: TrainingBatch): Measures {
    if (this.averaged === undefined) return this.#judge(this.model, batch);
    return { ...this.#judge(this.averaged, batch), top1Plain: this.#judge(this.model, batch)["top1"] as number };
  }

  close(): void {
    this.optimizer.close();
    this.averaged?.close();
    this.model.close();
  }

  /** Pictures are erased, then mixed over the whole batch; micro-batches, each a scope, add up their gradients. */
  #accumulate(batch: TrainingBatch, index: number): LossShare[] {
    const { microBatch } = this.derived;
    const B = batch.samples.length;
    const images = this.#images(batch); // [B C H W]
    const mix = this.#mix(index);
    const losses: LossShare[] = [];
    for (let start = 0; start < B; start += microBatch) {
      const end = Math.min(B, start + microBatch);
      const share = (end - start) / B;
      const loss = scope(() => {
        const total = this.#loss(batch, images, mix, { start, end });
        backward(share === 1 ? total : total.mul(share));
        return unread({ total });
      });
      losses.push({ loss, share });
    }
    return losses;
  }

  /** One decision for a whole batch, keyed by its number in the run. */
  #mix(index: number): Mix {
    const { seed, augmentation } = this.config;
    const random = new KeyedRandom({ seed, purpose: "step/mix", epoch: 0, sample: index });
    return drawMix(augmentation.mixing, this.encoder.imageSize, random);
  }

  #images(batch: TrainingBatch): Tensor {
    const { data, device, augmentation, seed } = this.config;
    const images = toImages(viewOf(batch), data.mean, data.std, device); // [B C H W]
    const rng = new Rng(seed, "step/erase", batch.epoch, batch.samples);
    return augmentation.erasing.probability === 0 ? images : erase_(images, augmentation.erasing, rng);
  }

  /** rows [start, end) of the batch -> soft-target cross-entropy, their mean [] */
  #loss(batch: TrainingBatch, images: Tensor, mix: Mix, rows: { start: number; end: number }): Tensor {
    const { start, end } = rows;
    const { device, seed, augmentation } = this.config;
    const partners = partnerRows(start, end, batch.samples.length);
    const mixed = mixImages(images.slice(0, start, end), images.slice(0, partners.start, partners.end), mix); // [b C H W]
    const labels = labelsOf(batch);
    const { smoothing } = augmentation;
    const targets = mixTargets(labels.subarray(start, end), labels.subarray(partners.start, partners.end), mix, {
      classes: this.model.classes,
      smoothing,
    }).toDevice(device); // [b K]
    const rng = new Rng(seed, "step/layers", batch.epoch, batch.samples.slice(start, end));
    const logits = withRandom(rng, () => autocast(this.precision, () => this.model.call(mixed), device)); // [b K]
    return crossEntropy(logits, targets); // []
  }

  #judge(model: Classifier, batch: TrainingBatch): Measures {
    model.setTraining(false);
    const { data, device } = this.config;
    return noGrad(() =>
      scope(() => {
        const images = toImages(viewOf(batch), data.mean, data.std, device); // [B C H W]
        const labels = tensor(BigInt64Array.from(labelsOf(batch), BigInt)).toDevice(device); // [B]
        const sums = { loss: 0, top1: 0, top5: 0 };
        for (const [i, part] of images.split(this.derived.microBatch, 0).entries()) {
          scope(() => {
            const start = i * this.derived.microBatch;
            const own = labels.slice(0, start, start + part.side(0)); // [b]
            const logits = autocast(this.precision, () => model.call(part), device); // [b K]
            sums.loss += crossEntropy(logits, own, { reduction: "sum" }).item();
            sums.top1 += hits(logits, own, 1);
            sums.top5 += hits(logits, own, 5);
          });
        }
        const B = batch.samples.length;
        return { loss: sums.loss / B, top1: sums.top1 / B, top5: sums.top5 / B };
      }),
    );
  }

  /** After `updates` steps; the decay grows to its value, (1 + n) / (10 + n), or short runs would keep their first weights. */
  #average(updates: number): void {
    const { averaged, config } = this;
    if (averaged === undefined || config.average === undefined) return;
    const tensors = (model: Classifier): Tensor[] =>
      [...model.state().values()].filter(({ requiresGrad }) => requiresGrad);
    averageInto(tensors(averaged), tensors(this.model), Math.min(config.average, (1 + updates) / (10 + updates)));
  }

  #explain(batch: TrainingBatch, index: number): NonFiniteError {
    dropCheckpoints();
    const images = this.#images(batch);
    const rows = { start: 0, end: batch.samples.length };
    const { path, what } = findNonFinite(this.model, images, () => this.#loss(batch, images, this.#mix(index), rows));
    return new NonFiniteError(
      `the loss is not finite at step ${index}: ${what}.`,
      path,
      batch.samples,
      nonFiniteRemedy,
    );
  }
}

/** Rows whose label is among the k largest logits [B K]. */
function hits(logits: Tensor, labels: Tensor, k: number): number {
  const [, indices] = logits.topk(Math.min(k, logits.side(1))); // [B k]
  return indices.eq(labels.unsqueeze(1)).sum().item();
}

function viewOf({ views }: TrainingBatch) {
  return views["image"] as NonNullable<(typeof views)[string]>;
}

/** The source was checked to have classes when it was opened. */
function labelsOf({ labels }: TrainingBatch): Int32Array {
  return labels as Int32Array;
}

function isAveraged({ average = 0 }: FinetuneConfig): boolean {
  return average > 0;
}

/** The model that a configuration describes, its weights not yet initialised. */
export function buildClassifier(config: FinetuneConfig): Classifier {
  const { classes = [], pool, trainBlocks } = config;
  return new Classifier(buildEncoder(config.model, imageShape(config)), { classes: classes.length, pool, trainBlocks });
}

/** Groups by layer: with a decay of 1 the rates are all alike (official `param_groups_lrd`). */
function buildOptimizer({ optim }: FinetuneConfig, model: Classifier): Optimizer {
  const { weightDecay, layerDecay } = optim;
  const depth = model.encoder.blocks.links.length;
  const groups = layerDecayGroups(model.parameters(), { weightDecay, layerDecay, depth });
  switch (optim.name) {
    case "adamw":
      return new AdamW(groups, optim);
    case "sgd":
      return new Sgd(groups, optim);
    case "lars":
      return new Lars(groups, optim);
  }
}
