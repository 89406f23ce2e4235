/** How good a classifier is, from what it gave for each picture: accuracies, and which classes it takes for which. */
import { meanPerClass } from "../../data/sources/labelled.js";
import { ShapeError } from "../../engine/errors.js";

export interface ClassScores {
  /** Share of this class's pictures that were found; NaN where there is none. */
  readonly accuracy: number;
  /** Share of what was called so that is so; NaN where nothing was. */
  readonly precision: number;
  readonly pictures: number;
}

/** How well a classifier does on labelled pictures; accuracies are shares, 0 to 1. */
export interface Scores {
  readonly pictures: number;
  readonly top1: number;
  /** The right class among the five likeliest (or all, where there are fewer). */
  readonly top5: number;
  /** Mean over classes that have pictures: rare classes count like common ones. */
  readonly meanPerClass: number;
  readonly perClass: readonly ClassScores[];
  /** [true][predicted]: counts. */
  readonly confusion: readonly (readonly number[])[];
}

/**
 * values [N K], any numbers that are larger for likelier classes, and labels [N] -> scores. Of equal values the lower class
 * comes first. @throws ShapeError where the two do not fit
 */
export function scoresOf(values: Float32Array, labels: ArrayLike<number>, classes: number): Scores {
  const pictures = labels.length;
  if (values.length !== pictures * classes || pictures === 0) {
    throw new ShapeError({
      problem: `expected ${classes} values for each of ${pictures} pictures, got ${values.length}.`,
      code: "score-count",
      expected: [pictures, classes],
      actual: values.length,
    });
  }
  const confusion = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  const found = new Int32Array(pictures);
  let [top1, top5] = [0, 0];
  for (let row = 0; row < pictures; row++) {
    const label = labels[row] as number;
    const own = values.subarray(row * classes, (row + 1) * classes);
    const rank = rankOf(own, label);
    if (rank < 1) top1++;
    if (rank < 5) top5++;
    const counts = confusion[label] as number[];
    const predicted = likeliest(own);
    found[row] = predicted;
    counts[predicted] = (counts[predicted] as number) + 1;
  }
  return {
    pictures,
    top1: top1 / pictures,
    top5: top5 / pictures,
    meanPerClass: meanPerClass(found, labels),
    perClass: byClass(confusion),
    confusion,
  };
}

/** Pictures of one class that were taken for another. */
export interface Confusion {
  readonly truth: number;
  readonly predicted: number;
  readonly count: number;
  /** Of the true class's pictures. */
  readonly share: number;
}

/** Pairs of classes, those with most mistakes first; of equal ones the first in the matrix. */
export function confusedPairs(
  { confusion, perClass }: Pick<Scores, "confusion" | "perClass">,
  most: number,
): Confusion[] {
  const pairs = confusion.flatMap((row, truth) =>
    row.flatMap((count, predicted): Confusion[] =>
      truth === predicted || count === 0
        ? []
        : [{ truth, predicted, count, share: count / (perClass[truth] as ClassScores).pictures }],
    ),
  );
  return pairs.sort((a, b) => b.count - a.count).slice(0, most);
}

function byClass(confusion: readonly (readonly number[])[]): ClassScores[] {
  const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
  return confusion.map((row, label): ClassScores => {
    const right = row[label] as number;
    const pictures = sum(row);
    return {
      accuracy: right / pictures,
      precision: right / sum(confusion.map((other) => other[label] as number)),
      pictures,
    };
  });
}

/** How many classes are likelier than this one. */
function rankOf(values: Float32Array, label: number): number {
  const own = values[label] as number;
  return values.reduce((rank, value, i) => rank + (value > own || (value === own && i < label) ? 1 : 0), 0);
}

function likeliest(values: Float32Array): number {
  return values.reduce((best, value, i) => (value > (values[best] as number) ? i : best), 0);
}
