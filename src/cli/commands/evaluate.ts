import type { Command } from "commander";
import type { Measure } from "../../public/evaluate.js";
import type { LoadOptions } from "../../public/models.js";
import { foreignOptions, loadOptions, poolOption, readingOptions } from "../config/foreign.js";
import { attentiveCommand } from "../measure/attentive.js";
import { classifierCommand } from "../measure/classifier.js";
import { fewLabelsCommand } from "../measure/few-labels.js";
import { openLabelled, tellSides } from "../measure/labelled.js";
import { openModel } from "../measure/model.js";
import { partialCommand } from "../measure/partial.js";
import { showMeasuring } from "../measure/progress.js";
import { unlabelledCommands } from "../measure/unlabelled.js";
import { zeroShotCommands } from "../measure/zero-shot.js";
import { type Add, wholeNumber } from "../options.js";
import type { Report } from "../report.js";

interface Options extends LoadOptions {
  readonly data?: string;
  readonly train?: string;
  readonly test?: string;
  readonly k?: number;
  readonly everyBlock?: boolean;
  readonly limit: number;
}

const kinds: Record<Measure, string> = {
  knn: "classify pictures by their nearest neighbours among labelled ones",
  linear: "fit a linear classifier on the frozen features",
};

const protocol =
  "This is the exact probe: logistic regression (L-BFGS) on cached features of whole pictures, its penalty chosen on held-out " +
  "training labels (the grid widens until its best is inside).\nMAE's own protocol (LARS, batch norm, crops) is another number: lacuna finetune <run> --data … --train-blocks 0";

/** `lacuna evaluate knn|linear <run> --data …` */
export function evaluateCommand(program: Command, add: Add): void {
  const parent = program
    .command("evaluate")
    .summary("how good an encoder is: knn, linear, attentive, few-labels, partial, occlusion, correspondence, …")
    .description(
      "Measures an encoder's features on labelled pictures, beside raw pixels and the encoder before training.",
    );
  for (const [name, description] of Object.entries(kinds)) {
    const command = parent
      .command(name)
      .description(
        `${description[0]?.toUpperCase()}${description.slice(1)}; beside raw pixels and the untrained encoder.`,
      )
      .argument("<model>", "a run folder or a checkpoint file")
      .option(
        "--data <pictures>",
        "cifar10, fashion-mnist, or a folder with a folder for each class (or train and test)",
      )
      .option("--train <pictures>", "labelled pictures to learn from, with --test")
      .option("--test <pictures>", "labelled pictures to judge by, with --train")
      .option("--limit <n>", "labelled pictures of each side at most", wholeNumber, 10_000)
      .option("--every-block", "the features behind each block too (a ViT's)");
    readingOptions(poolOption(foreignOptions(command)));
    if (name === "linear") command.addHelpText("after", `\n${protocol}`);
    if (name === "knn") command.option("--k <n>", "neighbours that vote", wholeNumber, 20);
    add<Options>(command, (report, operands, options) =>
      evaluate(report, operands[0] as string, name as Measure, options),
    );
  }
  attentiveCommand(parent, add);
  fewLabelsCommand(parent, add);
  partialCommand(parent, add);
  unlabelledCommands(parent, add);
  classifierCommand(parent, add);
  zeroShotCommands(parent, add);
}

async function evaluate(report: Report, path: string, which: Measure, options: Options): Promise<number> {
  const { evaluateBlocks, evaluateEncoder } = await import("../../public/evaluate.js");
  const { comparison, measuredTable, penaltyLines, plainRows, tableNote } = await import("../measure/comparison.js");
  const { train, test, split } = await openLabelled(options);
  using model = await openModel(report, path, loadOptions(options));
  const k = options.k ?? 20;
  await tellSides(report, { train, test, split }, model.config.data.source);
  const rows = await report.showing(async (live) => {
    const setting = { train, test, measures: [which], k, onProgress: showMeasuring(live) };
    const blocks = options.everyBlock === true ? await evaluateBlocks(model, setting) : [];
    return [...(await evaluateEncoder(model, setting)), ...blocks];
  });
  const shown = { measure: which, model: model.path, step: model.step, ...(which === "knn" ? { k } : {}) };
  report.result({ ...shown, rows: plainRows(rows) }, () => {
    report.table(measuredTable(rows, [which], k));
    report.line(tableNote(test.size));
    report.line(comparison(rows, which));
    for (const line of penaltyLines(rows)) report.line(line);
    if (which === "linear") report.line(protocol);
  });
  return 0;
}
