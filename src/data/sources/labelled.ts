/**
 * Samples of a source by label: few-label protocols learn from a number of pictures of each class, or from a share of them; accuracy
 * depends on how large each class is among the judged ones.
 */
import { z } from "zod";
import { checked } from "../../checked.js";
import { DataError } from "../errors.js";
import { keyOf, philox } from "../random.js";

/** How the choice stands in a config: `{ perClass: 10, seed: 1 }` or `{ fraction: 0.01, seed: 1 }`. */
export const labelChoiceSchema = z
  .strictObject({
    perClass: z.int().min(1).optional().describe("this number of pictures of each class"),
    fraction: z.number().gt(0).max(1).optional().describe("share of all pictures, the same number of each class"),
    seed: z.int().min(0).optional().describe("which pictures; without one the first of each class"),
  })
  .refine(({ perClass, fraction }) => (perClass === undefined) !== (fraction === undefined), {
    error: "expected either perClass or fraction",
  })
  .describe("learn from some of the labels only");

/** Which labelled pictures are learned from: so many a class, or a share of all. */
export type LabelChoice = z.output<typeof labelChoiceSchema>;

/**
 * Which samples, in rising order. All samples are put into one sequence, the first of every class, then the second of
 * every class, and so on, and the choice is its beginning: numbers of two classes differ by at most one while both have
 * pictures left, and a smaller choice is contained in every larger one of the same seed, whether counted or shared out.
 * With a seed the order within a class (and which classes are first) is drawn, keyed by sample; without one it is that of
 * the source. A fraction is of the labelled pictures, rounded down: 1 % of ImageNet is 12,811 pictures, 12 or 13 a class,
 * as in the published lists (Chen et al. 2020, SimCLR; evaluation-protocols: few labels).
 * @param labels a class from 0 for each sample; samples below 0 are without a label and never chosen
 * @throws DataError where a class would have too few pictures, or none; ConfigError for a choice that is none
 */
export function chooseLabelled(labels: ArrayLike<number>, choice: LabelChoice): Int32Array<ArrayBuffer> {
  const { perClass, fraction, seed } = checked(labelChoiceSchema, choice, "labels");
  const classes = membersOf(labels);
  const counts = perClass === undefined ? shareOut(classes, fraction ?? 1, seed) : equal(classes, perClass);
  const ordered = (members: readonly number[]): readonly number[] =>
    seed === undefined ? members : inDrawnOrder(members, seed, "labels/sample");
  const chosen = [...classes].flatMap(([label, members]) => ordered(members).slice(0, counts.get(label)));
  return Int32Array.from(chosen).sort();
}

function membersOf(labels: ArrayLike<number>): Map<number, number[]> {
  const classes = new Map<number, number[]>();
  for (let sample = 0; sample < labels.length; sample++) {
    const label = labels[sample] as number;
    if (label < 0) continue;
    const members = classes.get(label);
    if (members === undefined) classes.set(label, [sample]);
    else members.push(sample);
  }
  return new Map([...classes].sort(([a], [b]) => a - b));
}

type Classes = ReadonlyMap<number, readonly number[]>;

/** In the order of one keyed number each. */
function inDrawnOrder(numbers: readonly number[], seed: number, purpose: string): number[] {
  const key = keyOf(seed, purpose);
  const keyed = numbers.map((number) => ({ number, word: philox([0, 0, number, 0], key)[0] }));
  return keyed.sort((a, b) => a.word - b.word || a.number - b.number).map(({ number }) => number);
}

function equal(classes: Classes, perClass: number): Map<number, number> {
  for (const [label, members] of classes) {
    if (members.length >= perClass) continue;
    throw new DataError({
      code: "few-labels",
      path: "labels.perClass",
      expected: `at least ${perClass} pictures of each class`,
      actual: `${members.length} of class ${label}`,
      remedy: "Ask for fewer of each class, or for a fraction.",
    });
  }
  return new Map([...classes.keys()].map((label) => [label, perClass]));
}

/** One of every class that has pictures left, again and again; the last round goes to the first classes only. */
function shareOut(classes: Classes, fraction: number, seed: number | undefined): Map<number, number> {
  const pictures = [...classes.values()].reduce((sum, { length }) => sum + length, 0);
  let left = Math.floor(fraction * pictures + 1e-9); // 0.29 · 100 is a little below 29
  if (left < classes.size || classes.size === 0) {
    throw new DataError({
      code: "few-labels",
      path: "labels.fraction",
      expected: `at least one picture of each of ${classes.size} classes`,
      actual: `${left} of ${pictures} pictures with a label`,
      remedy: "Ask for a larger fraction, or label pictures.",
    });
  }
  const labels = [...classes.keys()];
  let turn = seed === undefined ? labels : inDrawnOrder(labels, seed, "labels/class");
  const counts = new Map<number, number>();
  for (let round = 0; left > 0; round++) {
    turn = turn.filter((label) => (classes.get(label)?.length ?? 0) > round);
    for (const label of turn.slice(0, left)) counts.set(label, round + 1);
    left -= Math.min(left, turn.length);
  }
  return counts;
}

/**
 * Mean over the classes that have samples of the share of their samples that were found: rare classes count like common ones.
 * predictions [N] and labels [N] are classes from 0; NaN where there are none.
 */
export function meanPerClass(predictions: ArrayLike<number>, labels: ArrayLike<number>): number {
  const classes = [...membersOf(labels)];
  const shares = classes.map(
    ([label, members]) => members.filter((i) => predictions[i] === label).length / members.length,
  );
  return shares.reduce((a, b) => a + b, 0) / shares.length;
}

/** A class whose share differs by this much moves the accuracy of all pictures by up to as much. */
const notableShare = 0.05;

/**
 * A sentence where a class's share of the pictures to learn from differs from that of the judged ones by 5 points or more, naming the
 * one that differs most; undefined where none does. Labels are classes from 0. @param where ` in the probes`
 */
export function sharesText(
  classes: readonly string[],
  known: ArrayLike<number>,
  judged: ArrayLike<number>,
  where = "",
): string | undefined {
  const shares = (labels: ArrayLike<number>): number[] => {
    const members = membersOf(labels);
    return classes.map((_, label) => (members.get(label)?.length ?? 0) / labels.length);
  };
  const [own, other] = [shares(known), shares(judged)];
  const differences = own.map((share, label) => Math.abs(share - (other[label] as number)));
  const largest = Math.max(...differences);
  if (!(largest >= notableShare)) return undefined;
  const label = differences.indexOf(largest);
  const percent = (share: number | undefined): string => `${(100 * (share ?? 0)).toFixed(0)} %`;
  return `Class shares differ${where}: ${classes[label]} is ${percent(own[label])} of the pictures to learn from and ${percent(other[label])} of the judged ones. Compare by the mean per class.`;
}
