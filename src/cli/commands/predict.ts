import { resolve } from "node:path";
import { type Command, Option } from "commander";
import type { Source } from "../../index.js";
import type { PictureClassifier } from "../../public/evaluate.js";
import type { LoadOptions } from "../../public/models.js";
import { foreignOptions, loadOptions, readingOptions } from "../config/foreign.js";
import { parseSource } from "../config/sources.js";
import { UsageError } from "../errors.js";
import { byNeighbours, byProbe } from "../measure/by-labels.js";
import { openPictures } from "../measure/pictures.js";
import { showShare } from "../measure/progress.js";
import { type Add, checkOut, wholeNumber } from "../options.js";
import type { Report } from "../report.js";
import { percent, whole } from "../words.js";

interface Options extends LoadOptions {
  readonly labels?: string;
  readonly by?: "neighbours" | "probe";
  readonly k?: number;
  readonly out?: string;
  readonly top: number;
  readonly batch: number;
}

/** What is said of one picture: the likeliest classes, the likeliest first. */
interface Prediction {
  readonly picture: string;
  readonly classes: readonly { readonly name: string; readonly probability: number }[];
}

/** `lacuna predict <run> <pictures…> [--out f.csv|f.json] [--top k]` */
export function predictCommand(program: Command, add: Add): void {
  const command = program
    .command("predict")
    .summary("which classes pictures show")
    .description(
      "Classifies pictures with a fine-tuned run, or, by some labelled pictures, with any encoder: " +
        "names of classes and their probabilities. EXIF rotations are followed.",
    )
    .argument("<run>", "a run of lacuna finetune or one of its checkpoint files; with --labels any run or checkpoint")
    .argument("<pictures...>", "picture files, or one folder, list, cifar10:test or fashion-mnist:test")
    .option("--out <file>", "ends in .csv or .json; without it the answers are printed")
    .option("--top <k>", "likeliest classes of each picture", wholeNumber, 3)
    .option("--batch <n>", "pictures at a time", wholeNumber, 64);
  readingOptions(foreignOptions(labelOptions(command)));
  add<Options>(command, async (report, operands, options) => {
    const ending = options.out === undefined ? undefined : await checkOut(options.out, "--out", [".csv", ".json"]);
    const [run, ...given] = operands as string[];
    const { classifyAll, likeliestClasses } = await import("../../public/evaluate.js");
    const { writeAtomic } = await import("../../public/formats.js");
    const source = await openPictures(given);
    using classifier = await openClassifier(report, run as string, source, options);
    const batchSize = Math.max(1, options.batch);
    const found = await report.showing((live) =>
      classifyAll(classifier, source, { batchSize, onBatch: showShare(live, source) }),
    );
    const predictions = found.pictures.map(({ sample, probabilities }) => ({
      picture: source.name(sample),
      classes: likeliestClasses(probabilities, classifier.classes, options.top),
    }));
    const typed = new Map(given.map((path) => [resolve(path), path]));
    const skipped = found.skipped.map(({ path, reason }) => ({ path: typed.get(path) ?? path, reason }));
    if (options.out !== undefined) writeAtomic(options.out, await textOf(predictions, ending === ".json"));
    const out = options.out === undefined ? {} : { out: options.out };
    report.result(
      { model: classifier.path, step: classifier.step, ...classifier.by, predictions, skipped, ...out },
      () => {
        if (options.out === undefined) report.table(rowsOf(predictions));
        else report.line(`${whole(predictions.length)} pictures: ${options.out}`);
        for (const { path, reason } of skipped) report.line(`left out ${path}: ${reason}`);
      },
    );
    return 0;
  });
}

/** By which labelled pictures, and how. */
function labelOptions(command: Command): Command {
  return command
    .option(
      "--labels <pictures>",
      "labelled pictures, a folder for each class, by whose frozen features others are classified",
    )
    .addOption(
      new Option(
        "--by <how>",
        "with --labels: the nearest of them vote (the default), or the exact linear probe",
      ).choices(["neighbours", "probe"]),
    )
    .option("--k <n>", "with --labels: neighbours that vote (20)", wholeNumber);
}

/** What classifies, and for JSON how. */
type Opened = PictureClassifier & Disposable & { readonly path: string; readonly step: number; readonly by: object };

/** The run's own classifier, or its encoder's among labelled pictures. @param given the pictures to be classified */
async function openClassifier(report: Report, run: string, given: Source, options: Options): Promise<Opened> {
  checkTogether(options);
  const { labels } = options;
  if (labels !== undefined) return openByLabels(report, run, given, { ...options, labels });
  const { loadClassifier } = await import("../../index.js");
  const own = loadClassifier(run, loadOptions(options));
  for (const line of own.assumed) report.line(`assumed: ${line}`);
  return { ...own, by: {} };
}

/** @throws UsageError for flags that would change nothing */
function checkTogether({ labels, by, k }: Options): void {
  const refused = (flag: string, expected: string, actual: string, remedy: string): UsageError =>
    new UsageError({ code: "labels", path: flag, expected, actual, remedy });
  if (labels === undefined)
    for (const [flag, value] of Object.entries({ "--k": k, "--by": by }))
      if (value !== undefined)
        throw refused(
          flag,
          "--labels beside it",
          "no --labels",
          `Name labelled pictures with --labels, or leave ${flag} out.`,
        );
  if (by === "probe" && k !== undefined)
    throw refused("--k", "--by neighbours", "--by probe", "A linear probe has no neighbours: leave --k out.");
}

async function openByLabels(
  report: Report,
  run: string,
  given: Source,
  { labels, by: how = "neighbours", k, ...options }: Options & { readonly labels: string },
): Promise<Opened> {
  const { loadModel, openSource } = await import("../../index.js");
  const { classesText, sharedPictures, trainTestOf } = await import("../../public/data.js");
  const all = parseSource(labels);
  const { by, train } = trainTestOf(all);
  const labelled = await openSource(by === "names" ? all : train); // of a set in parts the one to learn from
  const model = loadModel(run, loadOptions(options));
  try {
    for (const line of model.assumed) report.line(`assumed: ${line}`);
    const found = await report.showing((live) => {
      const onBatch = showShare(live, labelled);
      return how === "probe" ? byProbe(model, labelled, onBatch) : byNeighbours(model, labelled, onBatch, k);
    });
    const shared = await sharedPictures(given, labelled.spec);
    const { path, step } = model;
    report.line(`${found.said}, ${classesText(found.classifier.classes)}`);
    for (const line of found.warnings) report.line(line);
    if (shared > 0)
      report.line(`${whole(shared)} of the pictures are among the labelled ones: their own label answers for them.`);
    const close = (): void => {
      found.close();
      model.close();
    };
    return { ...found.classifier, path, step, by: { ...found.by, shared }, [Symbol.dispose]: close };
  } catch (error) {
    model.close();
    throw error;
  }
}

function rowsOf(predictions: readonly Prediction[]): string[][] {
  return predictions.map(({ picture, classes }) => [
    picture,
    ...classes.map(({ name, probability }) => `${name} ${percent(probability)}`),
  ]);
}

async function textOf(predictions: readonly Prediction[], isJson: boolean): Promise<string> {
  if (isJson) return `${JSON.stringify(predictions, null, 2)}\n`;
  const { csvCell } = await import("../../public/formats.js");
  const lines = predictions.flatMap(({ picture, classes }) =>
    classes.map(({ name, probability }, i) =>
      [csvCell(picture), i + 1, csvCell(name), probability.toFixed(6)].join(","),
    ),
  );
  return `${["picture,rank,class,probability", ...lines].join("\n")}\n`;
}
