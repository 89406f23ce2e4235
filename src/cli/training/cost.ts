/** Parameters and multiply-adds of a configuration's model, in words. Nothing is allocated. */
import type { AnyConfig, FinetuneConfig, RunConfig } from "../../index.js";
import { scaled, whole } from "../words.js";

interface Part {
  readonly parameters: number;
  /** Of one picture. */
  readonly multiplyAdds: number;
}

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
  readonly text: string;
}

export async function costOf(config: RunConfig): Promise<ModelCost> {
  const { alone, buildEncoder, cost, empty, emptyBatch, imageShape, Rng, trainingOf } = await import("../../index.js");
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
  const parts =
    decoder.multiplyAdds > 0
      ? `encoder ${scaled(encoderVisible)}, decoder ${scaled(decoder.multiplyAdds)}`
      : `encoder on a whole picture ${scaled(encoder.multiplyAdds)}`;
  return {
    parameters: whole.parameters,
    trainable: whole.trainable,
    multiplyAdds: whole.multiplyAdds,
    encoder: { parameters: encoder.parameters, multiplyAdds: encoder.multiplyAdds },
    encoderVisible,
    decoder,
    forwardPasses,
    step: forwardPasses * whole.multiplyAdds + 2 * whole.differentiable,
    text: `${scaled(whole.multiplyAdds)} (${parts})`,
  };
}

/** Parameters and multiply-adds of a run of any kind, as rows of its table. */
export async function costRows(config: AnyConfig): Promise<string[][]> {
  if ("task" in config) return classifierRows(config);
  const cost = await costOf(config);
  return [
    ["parameters", `${whole(cost.parameters)} (encoder ${whole(cost.encoder.parameters)})`],
    ["multiply-adds", `${cost.text} for one picture's forward pass in training`],
  ];
}

async function classifierRows(config: FinetuneConfig): Promise<string[][]> {
  const { buildClassifier, cost, empty, imageShape } = await import("../../index.js");
  const { imageSize, channels } = imageShape(config);
  const { parameters, trainable, multiplyAdds } = cost(
    () => buildClassifier(config),
    (model) => model.call(empty([1, channels, ...imageSize], { device: "meta" })),
  );
  return [
    ["encoder", config.from ?? "from scratch"],
    ["trained", `${whole(trainable)} of ${whole(parameters)} parameters, ${(config.classes ?? []).length} classes`],
    ["multiply-adds", `${scaled(multiplyAdds)} for one picture's forward pass`],
  ];
}
