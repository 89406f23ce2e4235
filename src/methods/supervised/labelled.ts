/**
 * Training by labels, whatever comes before it: pictures are erased and mixed across the batch, labels smoothed and mixed with
 * them, and a moving average of the weights may be kept, which is then what is judged. Paper: He et al., CVPR 2022, arXiv
 * 2111.06377, appendix A.1 and A.2; code compared with: facebookresearch/mae (main_finetune.py, engine_finetune.py) and
 * facebookresearch/deit (main.py, engine.py).
 */
import { KeyedRandom } from "../../data/random.js";
import { noGrad, withoutAutocast } from "../../engine/modes.js";
import type { Encoder } from "../../models/encoder.js";
import type { Module, Parameter } from "../../nn/module.js";
import { averageInto } from "../../optim/average.js";
import { fineTuningDecay } from "../../optim/groups.js";
import type { NamedTensor } from "../../optim/optimizer.js";
import { crossEntropy } from "../../tensor/functional.js";
import type { Rng } from "../../tensor/random.js";
import type { Tensor } from "../../tensor/tensor.js";
import { type Batch, type Loss, Method, type ParameterRule, type Rows, type Score, type Step } from "../method.js";
import type { AugmentationConfig } from "./augmentation.js";
import { erase_ } from "./erasing.js";
import { checkMixing, drawMix, mixImages, mixTargets, partnerRows } from "./mixing.js";

/** image [B C H W]; label [B] of pictures as they are. */
export type LabelledNames = "image" | "label";

/** Beside them targets [B K], where pictures and labels were mixed. */
type Mixed = Batch<LabelledNames> & { readonly targets?: Tensor };

/** What is trained: image [B C H W] -> logits [B K], float32. */
export interface LabelModel extends Module<[Tensor], Tensor> {
  readonly encoder: Encoder;
  readonly classes: number;
}

/** How it is trained. */
export interface LabelTraining {
  readonly augmentation: Pick<AugmentationConfig, "erasing" | "mixing" | "smoothing">;
  /** Decay of the weights' moving average; 0 or absent: none is kept. */
  readonly average?: number | undefined;
}

/** Training of a model that names the class of a picture. */
export abstract class Labelled<Model extends LabelModel> extends Method<LabelledNames> {
  override readonly bestBy = "top1";
  readonly model: Model;
  /** The same model with averaged weights; undefined where none are kept. */
  readonly averaged: Model | undefined;
  readonly #how: LabelTraining;

  constructor(how: LabelTraining, makeModel: () => Model) {
    super();
    this.#how = how;
    this.model = makeModel();
    this.averaged = (how.average ?? 0) > 0 ? makeModel() : undefined;
    for (const value of this.averaged?.state().values() ?? []) value.setRequiresGrad(false);
  }

  get encoder(): Encoder {
    return this.model.encoder;
  }

  override get outcome(): Encoder {
    return (this.averaged ?? this.model).encoder;
  }

  /** The model's own names; those of the averaged weights below `averaged.`. */
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

  /** Tokens and positions are not decayed (`no_weight_decay` of timm's ViT, which DeiT's and MAE's codes ask). */
  override ruleFor(parameter: NamedTensor): ParameterRule {
    return { decays: fineTuningDecay(parameter) };
  }

  /**
   * Pictures are erased where they lie; one decision for the whole batch says how they are mixed, whatever the micro-batches.
   * @throws ConfigError where the pictures of the batch cannot be paired
   */
  override prepare({ image, label }: Batch<LabelledNames>, step: Step): (rows: Rows) => Mixed {
    const { erasing, mixing, smoothing } = this.#how.augmentation;
    checkMixing(mixing, label.side(0));
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

  /** image [B C H W], targets [B K] -> cross-entropy with soft targets; with the labels of a batch that nobody prepared */
  protected forward({ image, label, targets = label }: Mixed): Loss {
    const logits = this.model.call(image); // [B K]
    return { total: withoutAutocast(() => crossEntropy(logits, targets)), parts: this.partsOf(logits, targets) };
  }

  /** logits [B K], targets [B K] or [B] -> scalars for the log */
  protected partsOf(_logits: Tensor, _targets: Tensor): Readonly<Record<string, Tensor>> {
    return {};
  }

  /** Sums of cross-entropy, top-1 and top-5 hits; of the averaged weights where there are some, `top1Plain` beside them. */
  override score(batch: Batch<LabelledNames>): Score {
    if (this.averaged === undefined) return judge(this.model, batch);
    const { sums, predictions } = judge(this.averaged, batch);
    return { sums: { ...sums, top1Plain: judge(this.model, batch).sums.top1 }, predictions };
  }

  /**
   * Weights and running statistics are averaged, as timm's `ModelEma` does; a count is taken over. The decay grows to its value,
   * (1 + n) / (10 + n) after n updates, or short runs would keep their first weights.
   */
  override afterStep({ index }: Step): void {
    const { averaged, model } = this;
    const { average } = this.#how;
    if (averaged === undefined || average === undefined) return;
    const updates = index + 1;
    const own = model.state();
    const pairs = [...averaged.state()].map(([name, to]) => ({ to, from: own.get(name) as Tensor }));
    const numbers = pairs.filter(({ to }) => to.dtype === "float32");
    const decay = Math.min(average, (1 + updates) / (10 + updates));
    averageInto(
      numbers.map(({ to }) => to),
      numbers.map(({ from }) => from),
      decay,
    );
    noGrad(() => {
      for (const { to, from } of pairs) if (to.dtype !== "float32") to.copy_(from);
    });
  }
}

interface Judged {
  readonly sums: { readonly loss: number; readonly top1: number; readonly top5: number };
  readonly predictions: readonly number[];
}

function judge(model: LabelModel, { image, label }: Batch<LabelledNames>): Judged {
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
