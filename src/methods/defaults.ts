/** What a method says of the runs that it is good for, when only the pictures are given. */

/** What is known before anything is chosen. */
export interface DefaultsFacts {
  /** Pictures to train on. */
  readonly pictures: number;
  /** Their shorter side in pixels, in the middle; undefined where it is not known. */
  readonly shorterSide: number | undefined;
  /** The side of the model's pictures, in pixels. */
  readonly side: number;
  readonly channels: number;
  /** Width and depth of the encoder that was chosen for them. */
  readonly width: number;
  readonly depth: number;
  /** Positions of its last layer on a whole picture. */
  readonly patches: number;
  readonly device: "cpu" | "cuda";
  readonly cores: number;
  /** Of the run, where it has been chosen: it follows from the cost, which is asked for first. */
  readonly length?: { readonly epochs: number; readonly steps: number };
}

/** A key of the configuration, its value, and why. */
export interface DefaultChoice {
  /** `optim.weightDecay` */
  readonly key: string;
  readonly value: unknown;
  /** The value in words, where it is not shown as it is. */
  readonly shown?: string;
  readonly reason: string;
}

export interface MethodDefaults {
  /** In the order in which they are shown. Keys below `method.` and `optim.`, and `data.batchSize`. */
  readonly choices: readonly DefaultChoice[];
  /** Keys below `method.` that are set without a line of their own. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Which model it is best tried with: a name of the list of models; `vit` if absent. */
  readonly model?: string;
  /** Multiply-adds of a step over those of one forward and backward pass of the encoder on one whole picture. */
  readonly cost: number;
  /** Activations that a step keeps for backward, over those of the encoder on one whole picture; the cost if absent. */
  readonly memory?: number;
  /** What becomes of a picture's patches: "three of four hidden". */
  readonly patches?: string;
  /** Where a run ends that has time for more, and why there. */
  readonly schedule?: { readonly epochs: number; readonly reason: string };
}

export type DefaultsFor = (facts: DefaultsFacts) => MethodDefaults;

/** Multiply-adds of a forward pass through Transformer blocks: their linear layers, and every token with every token. */
export function blockMultiplyAdds(tokens: number, width: number, depth: number): number {
  return depth * tokens * (12 * width * width + 2 * tokens * width);
}
