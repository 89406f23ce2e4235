/** `lacuna evaluate classifier`: accuracies, which classes are taken for which, and the pictures of the worst mistakes. */
import { statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Command } from "commander";
import type { LoadedClassifier, Source, SourceInput } from "../../index.js";
import type { ClassifierEvaluation, Confusion, NamedMistake, Scores } from "../../public/evaluate.js";
import type { LoadOptions } from "../../public/models.js";
import type { Interval } from "../../public/runs.js";
import { foreignOptions, loadOptions, readingOptions } from "../config/foreign.js";
import { parseSource } from "../config/sources.js";
import { UsageError } from "../errors.js";
import { type Add, wholeNumber } from "../options.js";
import type { Report } from "../report.js";
import { scoresText } from "../training/accuracy.js";
import { unkeptText } from "../training/verdict.js";
import { percent, percentInterval, whole } from "../words.js";
import { labelledSpecs } from "./labelled.js";
import { showShare } from "./progress.js";

interface Options extends LoadOptions {
  readonly data?: string;
  readonly test?: string;
  readonly out?: string;
  readonly mistakes: number;
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
    .option("--mistakes <n>", "pictures on the sheet of mistakes", wholeNumber, 24);
  readingOptions(foreignOptions(command));
  add<Options>(command, async (report, operands, options) => {
    const run = operands[0] as string;
    const { confusedPairs } = await import("../../public/evaluate.js");
    const { loadClassifier, openSource } = await import("../../index.js");
    const { wilsonInterval } = await import("../../public/runs.js");
    const { evaluateClassifier } = await import("../../public/evaluate.js");
    const { classesText } = await import("../../public/data.js");
    using classifier = loadClassifier(run, loadOptions(options));
    const source = await openSource(await judged(options, classifier));
    const { classes, path: model, step } = classifier;
    report.line(classesText(classes));
    const shares = await sharesOf(classifier, source);
    if (shares !== undefined) report.line(shares);
    const evaluation = await report.showing((live) =>
      evaluateClassifier(classifier, source, { onBatch: showShare(live, source) }),
    );
    const { scores, skipped } = evaluation;
    const pairs = confusedPairs(scores, shownPairs);
    const { files, mistakes, unkept } = await keep(run, options, evaluation, source);
    const named = pairs.map((pair) => ({ ...pair, truth: classes[pair.truth], predicted: classes[pair.predicted] }));
    report.result({ model, step, classes, ...scores, pairs: named, mistakes, skipped, files }, () => {
      tell(report, scores, pairs, classes, wilsonInterval);
      for (const { path, reason } of skipped) report.line(`left out ${path}: ${reason}`);
      for (const file of files) report.line(file);
      if (unkept !== undefined) report.line(`${unkept} --out <folder> keeps them elsewhere.`);
    });
    return 0;
  });
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

/** A line where classes have other shares than among the pictures that were learned from, as far as these can still be listed. */
async function sharesOf(
  { config: { data }, classes }: LoadedClassifier,
  judgedOnes: Source,
): Promise<string | undefined> {
  const { chooseLabelled, sharesText } = await import("../../public/data.js");
  const { openSource } = await import("../../index.js");
  const { labels } = (await openSource(data.source).catch(() => undefined)) ?? {};
  if (labels === undefined) return undefined;
  const chosen =
    data.labels === undefined ? labels : chooseLabelled(labels, data.labels).map((i) => labels[i] as number);
  return sharesText(classes, chosen, judgedOnes.labels ?? []);
}

function folderOf(run: string): string {
  return statSync(run).isDirectory() ? run : dirname(dirname(run)); // <run>/checkpoints/best.safetensors
}

/** Draws into the folder that was asked for, or into the run's own, where that can be written to. */
async function keep(
  run: string,
  { out, mistakes: count }: Options,
  evaluation: ClassifierEvaluation,
  source: Source,
): Promise<{ files: string[]; mistakes: NamedMistake[]; unkept?: string }> {
  const { writeEvaluation } = await import("../../public/evaluate.js");
  if (out !== undefined) return writeEvaluation(out, evaluation, source, count);
  const own = join(folderOf(run), "evaluation");
  const { FileError } = await import("../../public/errors.js");
  try {
    return await writeEvaluation(own, evaluation, source, count);
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    return { files: [], mistakes: [], unkept: unkeptText("pictures", error) };
  }
}

const shownClasses = 30;
const shownPairs = 8;

function tell(
  report: Report,
  scores: Scores,
  pairs: readonly Confusion[],
  classes: readonly string[],
  intervalOf: (accuracy: number, pictures: number) => Interval,
): void {
  const { top1, top5, meanPerClass, pictures, perClass } = scores;
  const means = scoresText({ scores: { top1, top5, meanPerClass }, interval: intervalOf(top1, pictures) });
  report.line(`${whole(pictures)} pictures: ${means}`);
  report.line("In brackets: 95 % intervals (Wilson) by the judged pictures. Per class: mean over the classes.");
  report.line();
  const found = (value: number, own: number): string =>
    Number.isFinite(value) ? percentInterval(value, intervalOf(value, own)) : "–";
  const cell = (value: number): string => (Number.isFinite(value) ? percent(value) : "–");
  const rows = perClass.map(({ accuracy, precision, pictures: own }, i) => ({
    order: Number.isFinite(accuracy) ? accuracy : 2, // classes without pictures come last
    cells: [`${classes[i]}`, whole(own), found(accuracy, own), cell(precision)],
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
