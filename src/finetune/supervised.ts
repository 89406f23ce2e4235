/**
 * Supervised training of a classifier: pictures are erased and mixed across the batch, labels smoothed and mixed with them,
 * and a moving average of the weights may be kept, which is then what is judged. Paper: He et al., CVPR 2022, arXiv
 * 2111.06377, appendix A.1 and A.2; code compared with: facebookresearch/mae (main_finetune.py, engine_finetune.py).
 */
import { KeyedRandom } from "../data/random.js";
import { withoutAutocast } from "../engine/modes.js";
import type { Batch, Loss, ParameterRule, Rows, Score, Step } from "../methods/method.js";
import { Method } from "../methods/method.js";
import type { Encoder } from "../models/encoder.js";
import { buildEncoder } from "../models/index.js";
import type { Parameter } from "../nn/module.js";
import { averageInto } from "../optim/average.js";
import { fineTuningDecay } from "../optim/groups.js";
import type { NamedTensor } from "../optim/optimizer.js";
import { crossEntropy } from "../tensor/functional.js";
import type { Rng } from "../tensor/random.js";
import type { Tensor } from "../tensor/tensor.js";
import { imageShape } from "../train/loop/task.js";
import { Classifier } from "./classifier.js";
import type { FinetuneConfig } from "./config.js";
import { erase_ } from "./erasing.js";
import { drawMix, mixImages, mixTargets, partnerRows } from "./mixing.js";

/** image [B C H W]; label [B] of pictures as they are; targets [B K] where they were mixed. */
type Name = "image" | "label" | "targets";

export class Supervised extends Method<Name> {
  override readonly bestBy = "top1";
  readonly model: Classifier;
  /** The same model with averaged weights; undefined where the run has none. */
  readonly averaged: Classifier | undefined;

  constructor(
    readonly config: Pick<
      FinetuneConfig,
      "augmentation" | "average" | "classes" | "data" | "model" | "optim" | "pool" | "trainBlocks"
    >,
  ) {
    super();
    this.model = buildClassifier(config);
    this.averaged = isAveraged(config) ? buildClassifier(config) : undefined;
  }

  get encoder(): Encoder {
    return this.model.encoder;
  }

  /** The published names of the classifier; the averaged weights below `averaged.`. */
  override state(prefix = ""): Map<string, Parameter> {
    return new Map([...this.model.state(prefix), ...(this.averaged?.state(`${prefix}averaged.`) ?? [])]);
  }

  override parameters(): { name: string; tensor: Parameter }[] {
    return this.model.parameters();
  }

  override initialize(rng: Rng): void {
    this.model.initialize(rng);
  }

  override setTraining(on: boolean): void {
    this.training = on;
    this.model.setTraining(on);
    this.averaged?.setTraining(false);
  }

  override close(): void {
    this.averaged?.close();
    this.model.close();
  }

  /** Sets the averaged weights to the present ones. */
  override begin(): void {
    const { averaged } = this;
    if (averaged === undefined) return;
    const own = this.model.state();
    for (const [name, value] of averaged.state()) value.copy_(own.get(name) as Tensor);
  }

  /** Rates fall from layer to layer (BEiT, MAE: util/lr_decay.py), and tokens and positions are not decayed. */
  override ruleFor(parameter: NamedTensor): ParameterRule {
    const { layerDecay } = this.config.optim;
    const { depth } = this.encoder;
    return {
      decays: fineTuningDecay(parameter),
      rate: layerDecay ** (depth + 1 - this.encoder.layerOf(parameter.name)),
    };
  }

  /** Pictures are erased where they lie; one decision for the whole batch says how they are mixed, whatever the micro-batches. */
  override prepare({ image, label }: Batch<Name>, step: Step): (rows: Rows) => Batch<Name> {
    const { augmentation } = this.config;
    const { erasing, mixing, smoothing } = augmentation;
    if (erasing.probability > 0) erase_(image, erasing, step.rng.fork("erase"));
    const draws = { seed: step.rng.seed, purpose: "step/mix", epoch: 0, sample: step.index };
    const mix = drawMix(mixing, this.encoder.imageSize, new KeyedRandom(draws));
    const labels = Int32Array.from(label.toDevice("cpu").toArray() as BigInt64Array, Number);
    return ({ start, end }) => {
      const partners = partnerRows(start, end, labels.length);
      const mixed = mixImages(image.slice(0, start, end), image.slice(0, partners.start, partners.end), mix); // [b C H W]
      const others = labels.subarray(partners.start, partners.end);
      const soft = { classes: this.model.classes, smoothing };
      const targets = mixTargets(labels.subarray(start, end), others, mix, soft).toDevice(image.device); // [b K]
      return { image: mixed, label: label.slice(0, start, end), targets };
    };
  }

  /** image [B C H W], targets [B K] -> soft-target cross-entropy */
  protected forward({ image, targets }: Batch<Name>): Loss {
    const logits = this.model.call(image); // [B K]
    return { total: withoutAutocast(() => crossEntropy(logits, targets)) }; // []
  }

  /** Sums of cross-entropy, top-1 and top-5 hits; of the averaged weights where there are some, `top1Plain` beside them. */
  override score(batch: Batch<Name>): Score {
    if (this.averaged === undefined) return judge(this.model, batch);
    const { sums, predictions } = judge(this.averaged, batch);
    return { sums: { ...sums, top1Plain: judge(this.model, batch).sums.top1 }, predictions };
  }

  /** The decay grows to its value, (1 + n) / (10 + n) after n updates, or short runs would keep their first weights. */
  override afterStep({ index }: Step): void {
    const { averaged, config } = this;
    if (averaged === undefined || config.average === undefined) return;
    const updates = index + 1;
    const tensors = (model: Classifier): Tensor[] =>
      [...model.state().values()].filter(({ requiresGrad }) => requiresGrad);
    averageInto(tensors(averaged), tensors(this.model), Math.min(config.average, (1 + updates) / (10 + updates)));
  }
}

interface Judged {
  readonly sums: { readonly loss: number; readonly top1: number; readonly top5: number };
  readonly predictions: readonly number[];
}

function judge(model: Classifier, { image, label }: Batch<Name>): Judged {
  const logits = model.call(image); // [B K]
  const loss = withoutAutocast(() => crossEntropy(logits, label, { reduction: "sum" })); // []
  const sums = { loss: loss.item(), top1: hits(logits, label, 1), top5: hits(logits, label, 5) };
  const [, likeliest] = logits.topk(1); // [B 1]
  return { sums, predictions: likeliest.toNumbers() };
}

/** Rows whose label is among the k largest logits [B K]. */
function hits(logits: Tensor, labels: Tensor, k: number): number {
  const [, indices] = logits.topk(Math.min(k, logits.side(1))); // [B k]
  return indices.eq(labels.unsqueeze(1)).sum().item();
}

function isAveraged({ average = 0 }: Pick<FinetuneConfig, "average">): boolean {
  return average > 0;
}

/** The model that a configuration describes, its weights not yet initialised. */
export function buildClassifier(
  config: Pick<FinetuneConfig, "classes" | "data" | "model" | "pool" | "trainBlocks">,
): Classifier {
  const { classes = [], pool, trainBlocks } = config;
  return new Classifier(buildEncoder(config.model, imageShape(config)), { classes: classes.length, pool, trainBlocks });
}

/** What a checkpoint must share with the supervised run that loads it. */
export function supervisedArchitecture({ config, model }: Supervised): unknown {
  const { pool, data } = config;
  const { dropPath: _, ...shape } = config.model;
  const { imageSize, channels } = data;
  const { classes, trainBlocks } = model;
  const averaged = isAveraged(config);
  return JSON.parse(JSON.stringify({ model: shape, pool, trainBlocks, classes, averaged, imageSize, channels }));
}
