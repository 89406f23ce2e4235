/** What quickstart says of its result. Numbers of other runs come from test/reference/README.md. */
import type { Measured } from "../measure/evaluation.js";
import { duration, percent } from "../words.js";

/** Plain sentences on what was gained. @param rows raw pixels, before, after */
export function verdictOn(rows: readonly Measured[]): string[] {
  const [pixels, before, after] = rows;
  if (pixels === undefined || before === undefined || after === undefined) return [];
  const gain = (which: "knn" | "linear"): string => {
    const points = 100 * ((after[which] ?? 0) - (before[which] ?? 0));
    return `${points >= 0 ? "+" : "−"}${Math.abs(points).toFixed(1)} points`;
  };
  const neighbours =
    (after.knn ?? 0) > (pixels.knn ?? 0)
      ? `k-NN is better than on raw pixels (${percent(after.knn ?? 0)} against ${percent(pixels.knn ?? 0)}).`
      : `k-NN is no better than on raw pixels yet (${percent(after.knn ?? 0)} against ${percent(pixels.knn ?? 0)}).`;
  const linear =
    (after.linear ?? 0) > (pixels.linear ?? 0)
      ? "The linear probe is better than on raw pixels."
      : "The linear probe is no better than on raw pixels yet.";
  const change = `Against before training: k-NN ${gain("knn")}, linear probe ${gain("linear")}.`;
  return [change, neighbours, linear];
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
