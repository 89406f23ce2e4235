/** What a method says of its own runs: by what one sees that it lives. Plain values: a run keeps them in run.json. */

/** A quantity that is logged in training, and the value at which it says that something is wrong. */
export interface Signal {
  /** A key of the step's `parts`, or the name of a probe. */
  readonly name: string;
  /** What it measures, in a few words: "spread of the projections". */
  readonly what: string;
  /** Sick at this value or below, once the warm-up is over. */
  readonly below?: number;
  /** Sick at this value or above. */
  readonly above?: number;
  /** The sentence for a run that is sick by it: "All pictures get one projection." */
  readonly finding: string;
  /** What may be behind it and what to do, the likeliest first. */
  readonly causes: readonly string[];
}

/** By what one sees that a method's run is well: what its loss does, and which quantities are watched beside it. */
export interface Health {
  /**
   * `falls`: a healthy loss falls below `trivial`. `moves`: its height says little (a moving target, a negative cosine, a
   * queue that fills), and the signals and probes count instead.
   */
  readonly loss: "falls" | "moves";
  /** Loss of a model that learned nothing, where that is known. */
  readonly trivial?: number;
  /** What such a model does: "predicting the mean". */
  readonly trivialAnswer?: string;
  readonly signals: readonly Signal[];
}
