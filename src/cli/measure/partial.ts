/** `lacuna evaluate partial`: fine-tuning of more and more last blocks, each a run of its own, and the curve (MAE, figure 9). */
import { basename, join, resolve } from "node:path";
import type { Command } from "commander";
import type { ForeignHints } from "../../public/models.js";
import type { PartialEvent, PartialRow } from "../../public/sweep.js";
import { typedCommand } from "../commands/pretrain.js";
import { saidFinetuning } from "../config/finetuning.js";
import { foreignOptions } from "../config/foreign.js";
import { type Add, wholeNumber } from "../options.js";
import type { Report } from "../report.js";
import { scoresText } from "../training/accuracy.js";
import { watchRun } from "../training/watch.js";
import { percent, percentInterval, percentSpread, quoted } from "../words.js";
import { readBlocks } from "./blocks.js";

interface Options extends ForeignHints {
  readonly data?: string;
  readonly train?: string;
  readonly test?: string;
  readonly blocks?: string;
  readonly labelsPerClass?: number;
  readonly labelFraction?: number;
  readonly labelSeed?: number;
  readonly seeds: number;
  readonly out?: string;
}

const details = `
The recipe is that of lacuna finetune, with any of its keys (--optim.baseLearningRate=1e-3); what is said of optimiser,
augmentation and pooling is for 0.5 blocks and more: 0 is always linear probing by LARS, behind a batch norm (MAE, table 10).
Fewer blocks need longer training: the paper takes the best of 50, 100 and 200 epochs for each.

Examples:
  lacuna evaluate partial runs/mae --data cifar10 --labels-per-class 100 --epochs=100 --seeds 3
  lacuna evaluate partial recipes/finetune-cifar10.ts --from=runs/mae
  lacuna evaluate partial runs/mae --data photos --blocks 0:90,0.5:200,1:200,4:100,all:50`;

export function partialCommand(parent: Command, add: Add): void {
  const command = parent
    .command("partial")
    .description(
      "Trains the last k blocks with a classifier, for several k, and draws the curve (MAE, figure 9). Each k is a run " +
        "folder; what is finished is not run again, so the same command goes on after a stop.",
    )
    .usage("<run | checkpoint | recipe> --data <pictures> [options] [--path.to.key=value …]")
    .argument("[what...]", "a run folder, a checkpoint file, or a recipe of lacuna finetune with --from=<run>")
    .option("--data <pictures>", "cifar10, fashion-mnist, or a folder with a folder for each class (or train and test)")
    .option("--train <pictures>", "labelled pictures to learn from, with --test")
    .option("--test <pictures>", "labelled pictures to judge by, with --train")
    .option(
      "--blocks <list>",
      "last blocks, k or k:epochs; 0.5 is the MLP half of the last (default: 0,0.5,1,2,4,…,all)",
    )
    .option("--labels-per-class <k>", "learn from this number of pictures of each class", Number)
    .option("--label-fraction <x>", "learn from this share of the pictures, level over the classes", Number)
    .option("--label-seed <n>", "which of them are drawn; without it the first of each class", Number)
    .option("--seeds <n>", "runs of each, with other seeds and other labels", wholeNumber, 1)
    .option("--out <folder>", "where the runs and the curve go (default: runs/partial-<name>)")
    .allowUnknownOption()
    .addHelpText("after", details);
  foreignOptions(command);
  add<Options>(command, (report, operands, options) => sweep(report, operands as string[], options));
}

async function sweep(report: Report, tokens: string[], options: Options): Promise<number> {
  const { bestRows, layersOf, runPartial } = await import("../../public/sweep.js");
  const { said, sides } = await saidFinetuning(tokens, options);
  for (const line of sides) report.line(line);
  const { from = "" } = said;
  const out = options.out ?? join("runs", `partial-${basename(resolve(from))}`);
  const blocks = options.blocks === undefined ? {} : { blocks: readBlocks(options.blocks, layersOf(said)) };
  let exitCode = 0;
  const { isFinished, rows, files } = await runPartial(said, {
    out,
    seeds: options.seeds,
    command: typedCommand(),
    ...blocks,
    train: async (makeRun, folder) => {
      ({ exitCode } = await watchRun(makeRun, folder, report));
    },
    onEvent: (event) => tellEvent(report, event),
  });
  if (!isFinished) {
    report.line(`Saved. The same command goes on${files.length > 0 ? `; the curve so far: ${files[1]}` : ""}.`);
    return exitCode;
  }
  const { labels } = said.data;
  report.result({ from: resolve(from), labels, pictures: out, rows, files }, () => {
    tell(report, rows);
    if (bestRows(rows).length < rows.length) report.line("The curve has the best length for each number of blocks.");
    report.line(`Curve: ${files.slice(0, 2).map(quoted).join(", ")}`);
  });
  return 0;
}

function tellEvent(report: Report, event: PartialEvent): void {
  if (event.type === "begin") {
    const { blocks, config, folder, choices, isNew } = event;
    report.line(`── ${blocksText(blocks)}, ${config.epochs} epochs, seed ${config.seed}: ${folder}`);
    if (isNew) for (const choice of choices) report.line(choice);
    return;
  }
  report.line(`${scoresText(event.point.accuracy.last)}${event.isNew ? "" : " (as it was)"}`);
}

function tell(report: Report, rows: readonly PartialRow[]): void {
  report.line();
  report.table([
    ["trained", "epochs", "top-1", "per class", "top-5", "best epoch"],
    ...rows.map((row) => [
      blocksText(row.blocks),
      `${row.epochs}`,
      row.interval === undefined ? percentSpread(row) : percentInterval(row.mean, row.interval),
      row.meanPerClass === undefined ? "" : percent(row.meanPerClass),
      percent(row.top5),
      percent(row.best),
    ]),
  ]);
  const isOnce = rows.some(({ interval }) => interval !== undefined);
  report.line(
    isOnce
      ? "In brackets: 95 % intervals (Wilson) by the judged pictures."
      : "Mean over seeds ± sample standard deviation.",
  );
  report.line(
    "Top-1 and top-5 after the last epoch; the best epoch is chosen on the pictures that judge, so it flatters.",
  );
}

function blocksText(blocks: string): string {
  if (blocks === "0") return "0: linear probing";
  if (blocks === "0.5") return "0.5: MLP of the last block";
  return blocks === "all" ? "all: the whole encoder" : `${blocks} last ${blocks === "1" ? "block" : "blocks"}`;
}
