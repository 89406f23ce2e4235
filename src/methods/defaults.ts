/** What a method says of the runs that it is good for, when only the pictures are given. */
import type { DefaultChoice } from "../models/sizes.js";

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
  /** Of its forward pass on a whole picture. */
  readonly multiplyAdds: number;
  /** What of that is computed for hidden cells too (ModelSize.windows). */
  readonly windows?: number | undefined;
  readonly device: "cpu" | "cuda";
  readonly cores: number;
  /** Of the run, where it has been chosen: it follows from the cost, which is asked for first. */
  readonly length?: { readonly epochs: number; readonly steps: number; readonly batch: number };
}

/** What a method advises for given pictures and a given model, and what a step of it costs. */
export interface MethodDefaults {
  /** In the order in which they are shown. Keys below `method.` and `optim.`, `data.batchSize`, and of `model.` what no size is. */
  readonly choices: readonly DefaultChoice[];
  /** Keys below `method.` that are set without a line of their own. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Multiply-adds of a step over those of one forward and backward pass of the encoder on one whole picture. */
  readonly cost: number;
  /** Activations that a step keeps for backward, over those of the encoder on one whole picture; the cost if absent. */
  readonly memory?: number;
  /** What becomes of a picture's patches: "three of four hidden". */
  readonly patches?: string;
  /** Where a run ends that has time for more, and why there. */
  readonly schedule?: { readonly epochs: number; readonly reason: string };
}

/** A method's advice, given the facts; it is asked again once the length of the run is known. */
export type DefaultsFor = (facts: DefaultsFacts) => MethodDefaults;

/** A warm-up of the share of the run that the paper's has: `epochs` of `of`. Nothing where the length is not known yet. */
export function paperWarmup(length: DefaultsFacts["length"], epochs: number, of: number): readonly DefaultChoice[] {
  if (length === undefined) return [];
  const value = Number(((epochs / of) * length.epochs).toPrecision(2));
  return [{ key: "optim.warmupEpochs", value, reason: `the paper's share of the run, ${epochs} epochs of ${of}` }];
}

/**
 * A teacher that looks back over as many steps as the paper's, or over a hundredth of a shorter run, ten steps at least.
 * @param paper its momentum at first, whether it stays there (it goes to 1 otherwise), and the steps of its run
 */
export function teacherMomentum(
  steps: number,
  paper: { readonly momentum: number; readonly stays?: boolean; readonly steps: number },
): DefaultChoice {
  const usual = Math.round(1 / (1 - paper.momentum));
  const span = Math.min(usual, Math.max(10, steps / 100));
  const from = Math.round(1000 * (1 - 1 / span)) / 1000;
  return {
    key: "method.momentum",
    value: paper.stays === true ? from : { from, to: 1, shape: "cosine", over: 1 },
    shown: paper.stays === true ? String(from) : `${from} to 1`,
    reason:
      span === usual
        ? "the paper's"
        : `a teacher that looks back over ${Math.round(span)} of ${steps} steps (the paper's ${paper.momentum}: over ${usual} of ${paper.steps.toLocaleString("en-US")})`,
  };
}

/**
 * A base rate, for 256 pictures, whose step is the same for all batches below that. A rate that falls with the batch, as one is used to,
 * starves sets so small that their batches are: at 16 pictures a step MAE's 6e-4 learned more than 4e-5 on both sets that were tried
 * (records/2026-11-30-small-batches).
 */
export function rateFor(rate: number, batch = 256, reason = "the paper's"): DefaultChoice {
  const key = "optim.baseLearningRate";
  if (batch >= 256) return { key, value: rate, reason };
  const value = Number(((rate * 256) / batch).toPrecision(3));
  return { key, value, reason: `${rate} at a step, as 256 pictures have: small batches bear it, and learn more` };
}
