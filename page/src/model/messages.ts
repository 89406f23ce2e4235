/** What page and worker say to each other: calls with an answer, and progress in between. */

import type { Picture } from "../../../src/data/resample.js";
import type { PageDescription } from "../../../src/page/description.js";

/** Where the model computes. */
export interface Engine {
  readonly name: "WebGPU" | "Wasm";
  readonly threads: number;
  /** Largest difference from libtorch's predictions in the numbers that the page brings along. */
  readonly difference: number;
  /** Why it is not WebGPU although there is one. */
  readonly note: string | undefined;
}

export interface Filled {
  /** [N P] */
  readonly prediction: Float32Array;
  /** [heads 1+K 1+K]; undefined where the model does not give it */
  readonly attention: Float32Array | undefined;
  readonly milliseconds: number;
}

/** The calls: what goes in and what comes back. */
export interface Calls {
  open: { input: { description: PageDescription; address: string; wanted: "wasm" | undefined }; output: Engine };
  /** Decodes, resizes and crops. */
  prepare: { input: { file: Blob }; output: Picture };
  fill: { input: { picture: Picture; keep: BigInt64Array; restore: BigInt64Array }; output: Filled };
  /** Of the whole picture, nothing hidden; undefined where the model gives none. */
  features: { input: { picture: Picture }; output: Float32Array | undefined };
}

export type CallName = keyof Calls;

export interface Request<N extends CallName = CallName> {
  readonly id: number;
  readonly name: N;
  readonly input: Calls[N]["input"];
}

export type Answer =
  | { readonly id: number; readonly output: Calls[CallName]["output"] }
  | { readonly id: number; readonly error: string }
  /** Share of the model that has arrived, 0 to 1. */
  | { readonly progress: number };
