import { resolve } from "node:path";
import type { Command } from "commander";
import type { LoadOptions } from "../../public/models.js";
import { foreignOptions, loadOptions, readingOptions } from "../config/foreign.js";
import { openPictures } from "../measure/pictures.js";
import { showShare } from "../measure/progress.js";
import { type Add, checkOut, wholeNumber } from "../options.js";
import { percent, whole } from "../words.js";

interface Options extends LoadOptions {
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
      "Classifies pictures with a fine-tuned run: names of classes and their probabilities. EXIF rotations are followed.",
    )
    .argument("<run>", "a run of lacuna finetune, or one of its checkpoint files (checkpoints/best.safetensors)")
    .argument("<pictures...>", "picture files, or one folder, list, cifar10:test or fashion-mnist:test")
    .option("--out <file>", "ends in .csv or .json; without it the answers are printed")
    .option("--top <k>", "likeliest classes of each picture", wholeNumber, 3)
    .option("--batch <n>", "pictures at a time", wholeNumber, 64);
  readingOptions(foreignOptions(command));
  add<Options>(command, async (report, operands, options) => {
    const ending = options.out === undefined ? undefined : await checkOut(options.out, "--out", [".csv", ".json"]);
    const [run, ...given] = operands as string[];
    const { classifyAll, likeliestClasses } = await import("../../public/evaluate.js");
    const { loadClassifier } = await import("../../index.js");
    const { writeAtomic } = await import("../../public/formats.js");
    const source = await openPictures(given);
    using classifier = loadClassifier(run as string, loadOptions(options));
    for (const line of classifier.assumed) report.line(`assumed: ${line}`);
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
    report.result({ model: classifier.path, step: classifier.step, predictions, skipped, ...out }, () => {
      if (options.out === undefined) report.table(rowsOf(predictions));
      else report.line(`${whole(predictions.length)} pictures: ${options.out}`);
      for (const { path, reason } of skipped) report.line(`left out ${path}: ${reason}`);
    });
    return 0;
  });
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
