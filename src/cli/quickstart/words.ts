/** What quickstart says of its result. Numbers of other runs come from test/reference/README.md. */
import type { Measured } from "../../public/evaluate.js";
import { comparison } from "../measure/comparison.js";
import { duration } from "../words.js";

/** Plain sentences on what was gained. @param rows raw pixels, before, after */
export function verdictOn(rows: readonly Measured[]): string[] {
  return [`k-NN: ${comparison(rows, "knn")}`, `Linear probe: ${comparison(rows, "linear")}`];
}

/** What five minutes are, and what more would be. */
export function outlook(epochs: number, seconds: number): string[] {
  const perHour = (3600 / seconds) * epochs;
  return [
    `This was a taste: ${Number(epochs.toFixed(2))} passes over the pictures in ${duration(seconds)}; published runs make hundreds to thousands.`,
    "Of the official code, three epochs are known: k-NN 37.5 to 39.9 %, linear probe 50 %; pixels have 39.6 and 39.3 %.",
    `An hour here is about ${Math.round(perHour)} epochs. A small network trained with labels from scratch reaches 57 % from only 1,000 of them`,
    "within a minute: on pictures this small, pre-training begins to pay after hours on two cores, or on a GPU. The published recipe for",
    "CIFAR-10 (2,000 epochs, then fine-tuning with all labels) reaches 89.8 %, against 74.1 % from scratch.",
  ];
}
