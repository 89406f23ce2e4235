/** What a method says of the runs that it is good for, when only the pictures are given. */

/** What is known before anything is chosen. */
export interface DefaultsFacts {
  /** Pictures to train on. */
  readonly pictures: number;
  /** The side of the model's pictures, in pixels. */
  readonly side: number;
  readonly channels: number;
  /** Width of the encoder that was chosen for them. */
  readonly width: number;
  readonly device: "cpu" | "cuda";
  readonly cores: number;
}

/** A key of the configuration, its value, and why. */
export interface DefaultChoice {
  /** `optim.weightDecay` */
  readonly key: string;
  readonly value: unknown;
  readonly reason: string;
}

export interface MethodDefaults {
  /** In the order in which they are shown. Keys below `method.`, `optim.`, `data.batchSize`, `epochs`. */
  readonly choices: readonly DefaultChoice[];
  /** Which model it is best tried with: a name of the list of models; `vit` if absent. */
  readonly model?: string;
  /** Multiply-adds of a step over those of one forward and backward pass of the encoder on one whole picture. */
  readonly cost: number;
}

export type DefaultsFor = (facts: DefaultsFacts) => MethodDefaults;
