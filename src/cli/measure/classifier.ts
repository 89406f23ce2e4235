/** `lacuna evaluate classifier`: accuracies, which classes are taken for which, and the pictures of the worst mistakes. */
import { statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Command } from "commander";
import type { Classified, Confusion, LoadedClassifier, Scores, Source, SourceInput } from "../../index.js";
import { parseSource } from "../config/sources.js";
import { UsageError } from "../errors.js";
import { type Add, wholeNumber } from "../options.js";
import type { Report } from "../report.js";
import { ifKept } from "../training/judge.js";
import { percent, whole } from "../words.js";
import { classDifferences, classesText, labelledSpecs } from "./labelled.js";
import { classify } from "./pictures.js";

interface Options {
  readonly data?: string;
  readonly test?: string;
  readonly out?: string;
  readonly mistakes: number;
  readonly device?: string;
}

export function classifierCommand(parent: Command, add: Add): void {
  const command = parent
    .command("classifier")
    .description(
      "Judges a fine-tuned run: top-1, top-5, mean per class, confusion matrix and its most confident mistakes.",
    )
    .argument("<run>", "a run of lacuna finetune, or one of its checkpoint files (checkpoints/best.safetensors)")
    .option(
      "--data <pictures>",
      "labelled pictures: of a set with a test part that part is judged (default: the run's held-out ones)",
    )
    .option("--test <pictures>", "labelled pictures, all of which are judged")
    .option("--out <folder>", "where the pictures and the JSON go (default: evaluation/ in the run folder)")
    .option("--mistakes <n>", "pictures on the sheet of mistakes", wholeNumber, 24)
    .option("--device <name>", "cpu or cuda");
  add<Options>(command, async (report, operands, options) => {
    const run = operands[0] as string;
    const { confusedPairs, loadClassifier, openSource, scoresOf } = await import("../../index.js");
    using classifier = loadClassifier(run, options.device === undefined ? {} : { device: options.device });
    const source = await openSource(await judged(options, classifier));
    checkClasses(source, classifier);
    report.line(classesText(classifier.classes));
    const { pictures: all, skipped } = await classify(report, classifier, source);
    const pictures = all.filter(({ label = -1 }) => label >= 0);
    if (pictures.length === 0) throw noPictures(source, skipped.length);
    const { classes, path: model, step } = classifier;
    const values = new Float32Array(pictures.length * classes.length);
    for (const [i, { probabilities }] of pictures.entries()) values.set(probabilities, i * classes.length);
    const labels = pictures.map(({ label }) => label as number);
    const scores = scoresOf(values, labels, classes.length);
    const pairs = confusedPairs(scores, shownPairs);
    const judgement = { classes, source, pictures, count: options.mistakes };
    const { files, mistakes, unkept } = await keep(options.out, join(folderOf(run), "evaluation"), scores, judgement);
    const named = pairs.map((pair) => ({ ...pair, truth: classes[pair.truth], predicted: classes[pair.predicted] }));
    report.result({ model, step, classes, ...scores, pairs: named, mistakes, skipped, files }, () => {
      tell(report, scores, pairs, classes);
      for (const { path, reason } of skipped) report.line(`left out ${path}: ${reason}`);
      for (const file of files) report.line(file);
      if (unkept !== undefined) report.line(`${unkept} --out <folder> keeps them elsewhere.`);
    });
    return 0;
  });
}

function noPictures({ size }: Source, unreadable: number): UsageError {
  const actual = `${size} without a class or unreadable (${unreadable})`;
  return new UsageError({ code: "no-pictures", path: "the pictures", expected: "ones to judge", actual });
}

async function judged({ data, test }: Options, { config }: LoadedClassifier): Promise<SourceInput> {
  if (test !== undefined) return parseSource(test, "test");
  if (data !== undefined) return (await labelledSpecs({ data })).test;
  if (config.data.heldOut !== undefined) return config.data.heldOut;
  throw new UsageError({
    code: "evaluation-data",
    path: "the command line",
    expected: "--data or --test",
    actual: "neither, and the run has no held-out pictures",
  });
}

function checkClasses(source: Source, { classes }: LoadedClassifier): void {
  const differences = source.classes === undefined ? "none" : classDifferences(classes, source.classes);
  if (differences === undefined) return;
  throw new UsageError({
    code: "other-classes",
    path: "the pictures",
    expected: `those of the run, ${classesText(classes)}`,
    actual: differences,
  });
}

function folderOf(run: string): string {
  return statSync(run).isDirectory() ? run : dirname(dirname(run)); // <run>/checkpoints/best.safetensors
}

interface Judged {
  readonly classes: readonly string[];
  readonly source: Source;
  readonly pictures: readonly Classified[];
  /** On the sheet of mistakes. */
  readonly count: number;
}

/** Draws into the folder that was asked for, or into the run's own, where that can be written to. */
async function keep(
  asked: string | undefined,
  own: string,
  scores: Scores,
  judgement: Judged,
): Promise<{ files: string[]; mistakes: readonly object[]; unkept?: string }> {
  if (asked !== undefined) return draw(asked, scores, judgement);
  const { value, note } = await ifKept("pictures", () => draw(own, scores, judgement));
  return value ?? { files: [], mistakes: [], ...(note === undefined ? {} : { unkept: note }) };
}

async function draw(
  out: string,
  scores: Scores,
  { classes, source, pictures, count }: Judged,
): Promise<{ files: string[]; mistakes: readonly object[] }> {
  const { drawConfusion, drawMistakes, makeFolder, mistakesOf, pngOf, writeAtomic } = await import("../../index.js");
  makeFolder(out);
  const title = `${percent(scores.top1)} of ${whole(scores.pictures)} pictures are classified rightly`;
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
  for (const [name, content] of files) writeAtomic(join(out, name), content);
  return { files: files.map(([name]) => join(out, name)), mistakes };
}

const shownClasses = 30;
const shownPairs = 8;

function tell(report: Report, scores: Scores, pairs: readonly Confusion[], classes: readonly string[]): void {
  const { top1, top5, meanPerClass, pictures, perClass } = scores;
  const means = `top-1 ${percent(top1)}, top-5 ${percent(top5)}, mean per class ${percent(meanPerClass)}`;
  report.line(`${whole(pictures)} pictures: ${means}`);
  report.line();
  const cell = (value: number): string => (Number.isFinite(value) ? percent(value) : "–");
  const rows = perClass.map(({ accuracy, precision, pictures: own }, i) => ({
    order: Number.isFinite(accuracy) ? accuracy : 2, // classes without pictures come last
    cells: [`${classes[i]}`, whole(own), cell(accuracy), cell(precision)],
  }));
  const worst = [...rows].sort((a, b) => a.order - b.order).slice(0, shownClasses);
  const shown = rows.length <= shownClasses ? rows : worst;
  report.table([["class", "pictures", "found", "right when named"], ...shown.map(({ cells }) => cells)]);
  if (shown.length < rows.length) report.line(`the ${shownClasses} worst of ${rows.length} classes`);
  report.line();
  if (pairs.length === 0) return;
  const pairCells = ({ truth, predicted, count, share }: Confusion): string[] => [
    `${classes[truth]}`,
    `${classes[predicted]}`,
    whole(count),
    percent(share),
  ];
  report.table([["is", "taken for", "pictures", "of its class"], ...pairs.map(pairCells)]);
  report.line();
}
