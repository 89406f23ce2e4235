/** How good a fine-tuned classifier is on labelled pictures, and the pictures of its mistakes. */
import { join } from "node:path";
import { DataError } from "../../data/errors.js";
import type { Source } from "../../data/source.js";
import { classDifferences, classesText } from "../../data/sources/train-test.js";
import { pngOf } from "../../runs/drawing.js";
import { wilsonInterval } from "../../runs/summary.js";
import { makeFolder, writeAtomic } from "../../runs/write-atomic.js";
import { type Classified, classifyAll, type PictureClassifier, type Unreadable } from "./classify.js";
import { drawConfusion, drawMistakes, mistakesOf } from "./confusion.js";
import { type Scores, scoresOf } from "./scores.js";

/** A classifier's scores on a source, and its answer to each picture. */
export interface ClassifierEvaluation {
  readonly classes: readonly string[];
  readonly scores: Scores;
  /** Those that have a class and could be read, and what was said of each. */
  readonly pictures: readonly Classified[];
  readonly skipped: readonly Unreadable[];
}

/**
 * Classifies every picture of a source that has a class.
 * @param options pictures at a time (64 unless said); `onBatch` is told the share that is done after each batch
 * @throws DataError "other-classes" where the source has other ones than the classifier, "no-pictures" where none is left
 */
export async function evaluateClassifier(
  classifier: PictureClassifier,
  source: Source,
  options: { readonly batchSize?: number; readonly onBatch?: (share: number) => void } = {},
): Promise<ClassifierEvaluation> {
  const { classes } = classifier;
  checkClasses(source, classes);
  const { pictures: all, skipped } = await classifyAll(classifier, source, options);
  const pictures = all.filter(({ label = -1 }) => label >= 0);
  if (pictures.length === 0) {
    const actual = `${source.size} without a class or unreadable (${skipped.length})`;
    throw new DataError({ code: "no-pictures", path: "the pictures", expected: "ones to judge", actual });
  }
  const values = new Float32Array(pictures.length * classes.length);
  for (const [i, { probabilities }] of pictures.entries()) values.set(probabilities, i * classes.length);
  const labels = pictures.map(({ label }) => label as number);
  return { classes, scores: scoresOf(values, labels, classes.length), pictures, skipped };
}

function checkClasses(source: Source, classes: readonly string[]): void {
  const differences = source.classes === undefined ? "none" : classDifferences(classes, source.classes);
  if (differences === undefined) return;
  throw new DataError({
    code: "other-classes",
    path: "the pictures",
    expected: `those of the run, ${classesText(classes)}`,
    actual: differences,
  });
}

/** A mistake, by the picture's and the classes' names. */
export interface NamedMistake {
  readonly picture: string;
  readonly truth: string | undefined;
  readonly predicted: string | undefined;
  readonly probability: number;
}

/**
 * Writes `confusion.svg`, `confusion.png`, `scores.json` and, where there are mistakes, `mistakes.png` with the most confident ones.
 * @param source the one that was evaluated @param count pictures on the sheet of mistakes at most
 * @returns the files' paths and the mistakes on the sheet @throws FileError
 */
export async function writeEvaluation(
  folder: string,
  { classes, scores, pictures }: ClassifierEvaluation,
  source: Source,
  count: number,
): Promise<{ files: string[]; mistakes: NamedMistake[] }> {
  makeFolder(folder);
  const tenths = (share: number): string => (100 * share).toFixed(1);
  const right = `${tenths(scores.top1)} % of ${scores.pictures.toLocaleString("en-US")} pictures are classified rightly`;
  const range = wilsonInterval(scores.top1, scores.pictures).map(tenths).join("–");
  const title = `${right} (95 %: ${range}), mean per class ${tenths(scores.meanPerClass)} %`;
  const svg = await drawConfusion(scores.confusion, classes, title);
  const found = mistakesOf(pictures, count);
  const sheet = await drawMistakes(found, source, classes);
  const mistakes = found.map(({ sample, truth, predicted, probability }) => ({
    picture: source.name(sample),
    truth: classes[truth],
    predicted: classes[predicted],
    probability,
  }));
  const files: [string, string | Uint8Array][] = [
    ["confusion.svg", svg],
    ["confusion.png", await pngOf(svg)],
    ["scores.json", `${JSON.stringify({ classes, ...scores, mistakes }, null, 1)}\n`],
    ...(sheet === undefined ? [] : [["mistakes.png", sheet] as [string, Uint8Array]]),
  ];
  for (const [name, content] of files) writeAtomic(join(folder, name), content);
  return { files: files.map(([name]) => join(folder, name)), mistakes };
}
