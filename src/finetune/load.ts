/** A trained classifier, read back: what predicts and what is judged. */
import type { Transform } from "../data/views.js";
import { CheckpointError } from "../engine/errors.js";
import { autocast, noGrad } from "../engine/modes.js";
import { scope } from "../engine/scope.js";
import type { Published } from "../models/published/open.js";
import { type PixelBatch, toImages } from "../train/batch.js";
import { Checkpoint } from "../train/checkpoint.js";
import { openModelFile, wholeConfigFrom } from "../train/checkpoints/from-checkpoint.js";
import type { LoadOptions } from "../train/checkpoints/load.js";
import { loadInto } from "../train/checkpoints/load-into.js";
import { settleMachine } from "../train/loop/environment.js";
import { decodedAs } from "../train/reading.js";
import { judgingView } from "./augmentation.js";
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
  const { task } = (own ?? {}) as { task?: string };
  if (task === "finetune") return own as unknown as Said;
  if (classifier === undefined) {
    const actual = own === undefined ? "an encoder" : (task ?? "pre-training");
    throw noClassifier(path, actual, given);
  }
  const { model, data } = wholeConfigFrom(published);
  const numbered = Array.from({ length: classifier.classes }, (_, i) => String(i));
  return { model, data: data as object, pool: classifier.pool, classes: classes ?? numbered };
}

function fill(model: Classifier, published: Published, config: FinetuneConfig): void {
  if ((published.config as { task?: string } | undefined)?.task !== "finetune") {
    loadInto(model.state(), model.encoder, published, { positions: "resize", classifier: true });
    return;
  }
  using checkpoint = Checkpoint.open(published.path);
  checkpoint.loadModelPart(model.state(), (config.average ?? 0) > 0 ? "averaged." : "");
}

function noClassifier(path: string, actual: string, given: string): CheckpointError {
  return new CheckpointError({
    problem: `it holds no classifier (expected a run of lacuna finetune, or a file with a head, got ${actual}).`,
    code: "no-classifier",
    path,
    expected: "a run of lacuna finetune, or somebody else's classifier",
    actual,
    remedy: `Train one: lacuna finetune ${given} --data <labelled pictures>`,
  });
}
