import type { Command } from "commander";
import type { Classified, ForeignHints, SourceInput } from "../../index.js";
import { csvCell } from "../measure/csv.js";
import { classify, predictionSource } from "../measure/pictures.js";
import { type Add, checkOut, foreignHints, foreignOptions, wholeNumber } from "../options.js";
import { percent, whole } from "../words.js";

interface Options extends ForeignHints {
  readonly out?: string;
  readonly top: number;
  readonly batch: number;
  readonly device?: string;
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
    .option("--batch <n>", "pictures at a time", wholeNumber, 64)
    .option("--device <name>", "cpu or cuda");
  foreignOptions(command);
  add<Options>(command, async (report, operands, options) => {
    const ending = options.out === undefined ? undefined : await checkOut(options.out, "--out", [".csv", ".json"]);
    const [run, ...given] = operands as string[];
    const { loadClassifier, openSource, writeAtomic } = await import("../../index.js");
    using pictures = predictionSource(given);
    const source = await openSource(pictures.source as SourceInput);
    using classifier = loadClassifier(run as string, {
      ...foreignHints(options),
      ...(options.device === undefined ? {} : { device: options.device }),
    });
    for (const line of classifier.assumed) report.line(`assumed: ${line}`);
    const found = await classify(report, classifier, source, Math.max(1, options.batch));
    const predictions = found.pictures.map((one) => ({
      picture: pictures.shown(source.name(one.sample)),
      classes: likeliest(one, classifier.classes, options.top),
    }));
    const skipped = found.skipped.map(({ path, reason }) => ({ path: pictures.shown(path), reason }));
    if (options.out !== undefined) writeAtomic(options.out, textOf(predictions, ending === ".json"));
    const out = options.out === undefined ? {} : { out: options.out };
    report.result({ model: classifier.path, step: classifier.step, predictions, skipped, ...out }, () => {
      if (options.out === undefined) report.table(rowsOf(predictions));
      else report.line(`${whole(predictions.length)} pictures: ${options.out}`);
      for (const { path, reason } of skipped) report.line(`left out ${path}: ${reason}`);
    });
    return 0;
  });
}

function likeliest(one: Classified, names: readonly string[], top: number): Prediction["classes"] {
  const order = Array.from(one.probabilities.keys()).sort(
    (a, b) => (one.probabilities[b] as number) - (one.probabilities[a] as number) || a - b,
  );
  return order
    .slice(0, Math.max(1, top))
    .map((label) => ({ name: names[label] as string, probability: one.probabilities[label] as number }));
}

function rowsOf(predictions: readonly Prediction[]): string[][] {
  return predictions.map(({ picture, classes }) => [
    picture,
    ...classes.map(({ name, probability }) => `${name} ${percent(probability)}`),
  ]);
}

function textOf(predictions: readonly Prediction[], isJson: boolean): string {
  if (isJson) return `${JSON.stringify(predictions, null, 2)}\n`;
  const lines = predictions.flatMap(({ picture, classes }) =>
    classes.map(({ name, probability }, i) =>
      [csvCell(picture), i + 1, csvCell(name), probability.toFixed(6)].join(","),
    ),
  );
  return `${["picture,rank,class,probability", ...lines].join("\n")}\n`;
}
