/** `lacuna evaluate few-labels`: accuracies from some labels of each class, several draws, mean and spread. */
import type { Command } from "commander";
import type { FewLabelsRow, LabelCount } from "../../public/evaluate.js";
import type { LoadOptions } from "../../public/models.js";
import type { Spread } from "../../public/runs.js";
import { foreignOptions, loadOptions, poolOption, readingOptions } from "../config/foreign.js";
import { UsageError } from "../errors.js";
import { type Add, wholeNumber } from "../options.js";
import type { Report } from "../report.js";
import { percentSpread, whole } from "../words.js";
import { type LabelledOptions, openLabelled, tellSides } from "./labelled.js";
import { openModel } from "./model.js";
import { showMeasuring } from "./progress.js";

interface Options extends LabelledOptions, LoadOptions {
  readonly labels?: string;
  readonly seeds: number;
}

const details = `
The draws have the same number of every class, and a smaller one of a draw is contained in its larger ones. Linear is logistic
regression on cached features; with five labels of a class or more its penalty is chosen on fifths of them, never on the pictures
that judge. Fine-tuning on few labels: lacuna finetune <run> --labels-per-class <k> --label-seed <n>.`;

export function fewLabelsCommand(parent: Command, add: Add): void {
  const command = parent
    .command("few-labels")
    .description(
      "Learns from k labels of each class or from a share of them: k-NN and the exact linear probe on frozen features, mean " +
        "and deviation over several draws, beside raw pixels and the untrained encoder.",
    )
    .argument("<model>", "a run folder or a checkpoint file")
    .option("--data <pictures>", "cifar10, fashion-mnist, or a folder with a folder for each class (or train and test)")
    .option("--train <pictures>", "labelled pictures to draw from, with --test")
    .option("--test <pictures>", "labelled pictures to judge by, with --train")
    .option(
      "--labels <list>",
      "numbers of each class, or shares such as 1% (default: those of 1,4,10,25,100 that the smallest class has)",
    )
    .option("--seeds <n>", "draws of the labels", wholeNumber, 3)
    .option("--limit <n>", "labelled pictures of each side at most", wholeNumber, 10_000)
    .addHelpText("after", details);
  readingOptions(poolOption(foreignOptions(command)));
  add<Options>(command, (report, operands, options) => judge(report, operands[0] as string, options));
}

async function judge(report: Report, run: string, options: Options): Promise<number> {
  const said = options.labels === undefined ? undefined : readLabels(options.labels);
  const { affordableLabels, evaluateFewLabels, wilsonInterval } = await import("../../public/evaluate.js");
  const { train, test, split } = await openLabelled(options);
  const counts = affordableLabels(train, said);
  using model = await openModel(report, run, loadOptions(options));
  const seeds = Array.from({ length: Math.max(1, options.seeds) }, (_, seed) => seed);
  await tellSides(report, { train, test, split }, model.config.data.source);
  const rows = await report.showing((live) =>
    evaluateFewLabels(model, { train, test, counts, seeds, onProgress: showMeasuring(live) }),
  );
  report.result({ model: model.path, step: model.step, seeds, pictures: test.size, rows }, () => {
    report.table(tableOf(rows));
    const draws = seeds.length > 1 ? `, mean over ${seeds.length} draws ± sample standard deviation` : "";
    report.line(`Top-1 and mean per class${draws}.`);
    const best = Math.max(...rows.map(({ mean }) => mean));
    report.line(certainty(best, test.size, wilsonInterval(best, test.size)));
  });
  return 0;
}

/** What an accuracy says, given how many pictures it was seen on. */
export function certainty(accuracy: number, judged: number, [low, high]: readonly [low: number, high: number]): string {
  const percent = (value: number): string => (100 * value).toFixed(1);
  return `All draws judge the same pictures: ${percent(accuracy)} % of ${whole(judged)} stands for ${percent(low)} to ${percent(high)} % (95 %, Wilson).`;
}

/** Encoders and protocols down, each by all pictures and by classes; numbers of labels across. */
function tableOf(rows: readonly FewLabelsRow[]): string[][] {
  const counts = [...new Set(rows.map(({ labels }) => labels))];
  const lines = rows.filter(({ labels }) => labels === counts[0]);
  const cells = ({ encoder, protocol }: FewLabelsRow, of: (row: FewLabelsRow) => Spread): string[] =>
    counts.map((labels) => {
      const row = rows.find((one) => one.encoder === encoder && one.protocol === protocol && one.labels === labels);
      return row === undefined ? "–" : percentSpread(of(row));
    });
  return [
    ["accuracy", "", ...counts.map((text) => (text.endsWith("%") ? `${text} of the labels` : `${text} a class`))],
    ...lines.flatMap((line) => [
      [line.encoder, line.protocol, ...cells(line, (row) => row)],
      ["", "  per class", ...cells(line, ({ meanPerClass }) => meanPerClass)],
    ]),
  ];
}

function readLabels(text: string): LabelCount[] {
  return text.split(",").map((part): LabelCount => {
    const [, number = "", isShare] = /^\s*(\d+(?:\.\d+)?)(%)?\s*$/.exec(part) ?? [];
    const value = Number(number);
    const isRight = isShare === undefined ? Number.isInteger(value) && value > 0 : value > 0 && value <= 100;
    if (isRight) return isShare === undefined ? { perClass: value } : { fraction: value / 100 };
    throw new UsageError({
      code: "labels",
      path: "--labels",
      expected: "whole numbers above 0, or shares up to 100%, with commas between them",
      actual: part.trim() || "nothing between two commas",
      remedy: "For example: --labels 1,10,100 or --labels 1%,10%",
    });
  });
}
