/** A trained classifier, read back: what predicts and what is judged. */
import type { Transform } from "../data/views.js";
import { CheckpointError } from "../engine/errors.js";
import { autocast, noGrad } from "../engine/modes.js";
import { scope } from "../engine/scope.js";
import { judgingView } from "../methods/supervised/augmentation.js";
import type { Published } from "../models/published/open.js";
import { type PixelBatch, toImages } from "../train/batch.js";
import { openModelFile, wholeConfigFrom } from "../train/checkpoints/from-checkpoint.js";
import { type LoadedModel, type LoadOptions, modelOf } from "../train/checkpoints/load.js";
import { loadInto } from "../train/checkpoints/load-into.js";
import type { OwnModel } from "../train/checkpoints/own.js";
import { settleMachine } from "../train/loop/environment.js";
import { decodedAs } from "../train/reading.js";
import type { Classifier } from "./classifier.js";
import { type FinetuneConfig, parseFinetune } from "./config.js";
import { buildClassifier } from "./supervised.js";

/** Close it. */
export interface LoadedClassifier extends Disposable {
  readonly config: FinetuneConfig;
  readonly model: Classifier;
  readonly classes: readonly string[];
  /** The view in which it looks at pictures: that in which the run judged its held-out ones. */
  readonly view: Transform;
  /** What the file does not say and was assumed, in words; of a run of ours nothing. */
  readonly assumed: readonly string[];
  /** The checkpoint file, and the step at which it was written. */
  readonly path: string;
  readonly step: number;
  /** pixels [B H W C] -> probabilities of the K classes, row-major [B K] */
  probabilities(pixels: PixelBatch): Float32Array;
  close(): void;
}

/**
 * Reads a supervised run's newest good checkpoint, one of its files (`checkpoints/best.safetensors`), or a classifier of somebody
 * else (timm, torchvision, transformers, official .pth); the averaged weights, where a run has some, since it was judged by them.
 * @throws CheckpointError where there is no classifier
 */
export function loadClassifier(
  runOrFile: string,
  { device, jpeg, colour, ...hints }: Omit<LoadOptions, "pool"> = {},
): LoadedClassifier {
  using published = openModelFile(runOrFile, hints);
  return classifierOf(published, runOrFile, { device, jpeg, colour });
}

/**
 * Reads whatever was trained: the classifier of a run or a file that has one, else the model, as `loadModel` does.
 * @param options with `pool`, which is a question of features, always the model @throws CheckpointError, FormatError
 */
export function loadTrained(
  runOrFile: string,
  { device, pool, jpeg, colour, ...hints }: LoadOptions = {},
): LoadedClassifier | LoadedModel {
  using published = openModelFile(runOrFile, hints);
  const isClassifier = published.classifier !== undefined || isSupervised(published);
  return isClassifier && pool === undefined
    ? classifierOf(published, runOrFile, { device, jpeg, colour })
    : modelOf(published, { device, pool, jpeg, colour });
}

/** Whether it is of a supervised run of ours: of a probe's head a model has no names. */
function isSupervised({ config }: Published): boolean {
  return (config as { task?: string } | undefined)?.task === "finetune";
}

function classifierOf(
  published: Published | OwnModel,
  runOrFile: string,
  { device, jpeg, colour }: Pick<LoadOptions, "device" | "jpeg" | "colour">,
): LoadedClassifier {
  const said = configOf(published, runOrFile);
  const data = decodedAs(said.data, { jpeg, colour });
  const config = parseFinetune({ ...said, data, ...(device === undefined ? {} : { device }) });
  const { precision } = settleMachine(config);
  const model = buildClassifier(config);
  const close = (): void => model.close();
  try {
    fill(model, published, config);
  } catch (error) {
    close();
    throw error;
  }
  model.setTraining(false);
  const { mean, std } = config.data;
  return {
    config,
    model,
    classes: config.classes ?? [],
    view: judgingView(config.augmentation, model.encoder.imageSize),
    assumed: published.assumed,
    path: published.path,
    step: published.step ?? 0,
    probabilities: (pixels) =>
      scope(() =>
        noGrad(() => {
          const images = toImages(pixels, mean, std, config.device); // [B C H W]
          const logits = autocast(precision, () => model.call(images), config.device); // [B K]
          return logits.softmax(-1).toDevice("cpu").toArray() as Float32Array;
        }),
      ),
    close,
    [Symbol.dispose]: close,
  };
}

/** A configuration before it is checked. */
type Said = Readonly<Record<string, unknown>> & { readonly data: object };

/** A run's own configuration; of somebody else's classifier what follows from its file. */
function configOf(published: Published, given: string): Said {
  const { config: own, classifier, classes, path } = published;
  if (isSupervised(published)) return own as unknown as Said;
  if (classifier === undefined) {
    const { task = "pre-training" } = (own ?? { task: "an encoder" }) as { task?: string };
    throw noClassifier(path, task, given);
  }
  const { model, data } = wholeConfigFrom(published);
  const numbered = Array.from({ length: classifier.classes }, (_, i) => String(i));
  return { model, data: data as object, pool: classifier.pool, classes: classes ?? numbered };
}

function fill(model: Classifier, published: Published | OwnModel, config: FinetuneConfig): void {
  if (isSupervised(published) && "checkpoint" in published)
    published.checkpoint.loadModelPart(model.state(), (config.average ?? 0) > 0 ? "averaged." : "");
  else loadInto(model.state(), model.encoder, published, { positions: "resize", classifier: true });
}

function noClassifier(path: string, actual: string, given: string): CheckpointError {
  return new CheckpointError({
    problem: `it holds no classifier (expected a run of lacuna finetune, or a file with a head, got ${actual}).`,
    code: "no-classifier",
    path,
    expected: "a run of lacuna finetune, or somebody else's classifier",
    actual,
    remedy: `Train one: lacuna finetune ${given} --data <labelled pictures>. Without training, lacuna predict ${given} --labels <labelled pictures> classifies by the nearest of them.`,
  });
}
