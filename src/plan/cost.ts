/** Parameters and multiply-adds of a configuration's model. Nothing is allocated. */
import type { FinetuneConfig } from "../finetune/config.js";
import { buildClassifier } from "../finetune/supervised.js";
import { cost } from "../graph/cost.js";
import { alone } from "../methods/world.js";
import { buildEncoder } from "../models/index.js";
import { empty } from "../tensor/creation.js";
import { Rng } from "../tensor/random.js";
import type { RunConfig } from "../train/config.js";
import { imageShape } from "../train/loop/task.js";
import { trainingOf } from "../train/pretrain.js";
import { emptyBatch } from "./example-batch.js";

interface Part {
  readonly parameters: number;
  /** Of one picture. */
  readonly multiplyAdds: number;
}

/** Parameters and multiply-adds of a model and of a training step of it. */
export interface ModelCost {
  /** Encoder and decoder, fixed positions included. */
  readonly parameters: number;
  readonly trainable: number;
  /** Encoder and decoder as in training: hidden patches are left out of the encoder. */
  readonly multiplyAdds: number;
  /** The encoder on a whole picture, as for features. */
  readonly encoder: Part;
  /** The encoder on the visible patches only. */
  readonly encoderVisible: number;
  readonly decoder: Part;
  /** How often a training step goes forward. */
  readonly forwardPasses: number;
  /** Multiply-adds of a training step for one picture: backward is twice forward, where anything is trained. */
  readonly step: number;
}

/** What a model and a training step of it cost. @throws ConfigError for what does not fit together */
export function costOf(config: RunConfig): ModelCost {
  const image = imageShape(config);
  const picture = () => empty([1, image.channels, ...image.imageSize], { device: "meta" });
  const encoder = cost(
    () => buildEncoder(config.model, image),
    (model) => model.features(picture()),
  );
  const step = { index: 0, epoch: 0, progress: 0, rng: new Rng(0, "cost"), world: alone };
  let forwardPasses = 1;
  let training: ReturnType<typeof trainingOf>;
  const whole = cost(
    () => {
      training = trainingOf(config);
      return training.method;
    },
    (method) => {
      forwardPasses = method.forwardPasses?.() ?? 1;
      return method.call(emptyBatch(training, config, 1), step);
    },
  );
  // What the method does besides its encoder's blocks and norm is embedding patches and decoding.
  const decoding = [...whole.modules].filter(([path]) => /^decoder[^.]*$/.test(path));
  const decoder = {
    parameters: whole.parameters - encoder.parameters,
    multiplyAdds: decoding.reduce((sum, [, { multiplyAdds }]) => sum + multiplyAdds, 0),
  };
  const encoderVisible = whole.multiplyAdds - decoder.multiplyAdds;
  return {
    parameters: whole.parameters,
    trainable: whole.trainable,
    multiplyAdds: whole.multiplyAdds,
    encoder: { parameters: encoder.parameters, multiplyAdds: encoder.multiplyAdds },
    encoderVisible,
    decoder,
    forwardPasses,
    step: forwardPasses * whole.multiplyAdds + 2 * whole.differentiable,
  };
}

/** What a classifier costs: an encoder with its head. */
export interface ClassifierCost {
  readonly parameters: number;
  /** Those that `trainBlocks` leaves to be trained. */
  readonly trainable: number;
  /** Of one picture's forward pass. */
  readonly multiplyAdds: number;
}

/** Parameters and multiply-adds of a supervised run's classifier; nothing is allocated. @throws ConfigError */
export function classifierCost(
  config: Pick<FinetuneConfig, "classes" | "data" | "model" | "pool" | "trainBlocks">,
): ClassifierCost {
  const { imageSize, channels } = imageShape(config);
  const { parameters, trainable, multiplyAdds } = cost(
    () => buildClassifier(config),
    (model) => model.call(empty([1, channels, ...imageSize], { device: "meta" })),
  );
  return { parameters, trainable, multiplyAdds };
}
