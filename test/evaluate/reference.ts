import { readFileSync } from "node:fs";
import type { LabelledFeatures } from "../../src/evaluate/features/extract.js";
import { type Tensor, tensor } from "../../src/tensor/tensor.js";

interface Fitted {
  readonly l2: number;
  readonly loss: number;
  readonly weight: readonly number[];
  readonly bias: readonly number[];
  readonly trainAccuracy: number;
  readonly accuracy: number;
}

/** What test/reference/make_evaluate.py wrote. */
export const reference: {
  readonly labels: readonly number[];
  readonly plain: readonly Fitted[];
  readonly standardised: Fitted;
  readonly effectiveRank: number;
  readonly deviation: number;
} = JSON.parse(readFileSync(new URL("../reference/evaluate.json", import.meta.url), "utf8"));

/** Numbers between −1 and 1 by the script's generator. */
export function numbers(count: number, start = 7): Float64Array {
  let state = start;
  return Float64Array.from({ length: count }, () => {
    state = (Math.imul(1664525, state) + 1013904223) >>> 0;
    return (2 * state) / 2 ** 32 - 1;
  });
}

/** The script's features, float64 [300 8]. */
export function allFeatures(): Tensor {
  return tensor(
    numbers(300 * 8).map((value, i) => value * ((i % 8) + 1) + (i % 8)),
    [300, 8],
  );
}

/** Rows of the script's features with their labels. */
export function rows(start: number, end: number): LabelledFeatures {
  return { features: allFeatures().slice(0, start, end), labels: Int32Array.from(reference.labels.slice(start, end)) };
}

/** Features [N D] from plain rows. */
export function labelled(values: readonly (readonly number[])[], labels: readonly number[]): LabelledFeatures {
  const width = values[0]?.length ?? 0;
  return {
    features: tensor(Float32Array.from(values.flat()), [values.length, width]),
    labels: Int32Array.from(labels),
  };
}
