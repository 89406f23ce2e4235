/** A trained classifier, read back: what predicts and what is judged. */
import type { Transform } from "../data/views.js";
import { CheckpointError } from "../engine/errors.js";
import { autocast, noGrad } from "../engine/modes.js";
import { scope } from "../engine/scope.js";
import { type PixelBatch, toImages } from "../train/batch.js";
import { Checkpoint } from "../train/checkpoint.js";
import { modelFile } from "../train/checkpoints/from-checkpoint.js";
import { isOwn } from "../train/checkpoints/load.js";
import { settleMachine } from "../train/loop/environment.js";
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
  /** The checkpoint file, and the step at which it was written. */
  readonly path: string;
  readonly step: number;
  /** pixels [B H W C] -> probabilities of the K classes, row-major [B K] */
  probabilities(pixels: PixelBatch): Float32Array;
  close(): void;
}

/**
 * Reads a supervised run's newest good checkpoint, or one of its files (`checkpoints/best.safetensors`); the averaged weights,
 * where the run has some, since it was judged by them. @throws CheckpointError where there is no classifier
 */
export function loadClassifier(runOrCheckpoint: string, options: { device?: string } = {}): LoadedClassifier {
  const file = modelFile(runOrCheckpoint);
  if (!isOwn(file)) throw noClassifier(file, "a file of another layout", runOrCheckpoint);
  using checkpoint = Checkpoint.open(file);
  const { task } = checkpoint.config as { task?: string };
  if (task !== "finetune") throw noClassifier(file, task ?? "pre-training", runOrCheckpoint);
  const config = parseFinetune({ ...(checkpoint.config as object), ...options });
  const { precision } = settleMachine(config);
  const model = buildClassifier(config);
  try {
    checkpoint.loadModelPart(model.state(), (config.average ?? 0) > 0 ? "averaged." : "");
  } catch (error) {
    model.close();
    throw error;
  }
  model.setTraining(false);
  const { mean, std } = config.data;
  const close = (): void => model.close();
  return {
    config,
    model,
    classes: config.classes ?? [],
    view: judgingView(config.augmentation, model.encoder.imageSize),
    path: checkpoint.path,
    step: checkpoint.position.step,
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

function noClassifier(path: string, actual: string, given: string): CheckpointError {
  return new CheckpointError(`it holds no classifier (expected a run of lacuna finetune, got ${actual}).`, {
    code: "no-classifier",
    path,
    expected: "a run of lacuna finetune",
    actual,
    remedy: `Train one: lacuna finetune ${given} --data <labelled pictures>`,
  });
}
