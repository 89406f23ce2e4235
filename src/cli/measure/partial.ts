/** `lacuna evaluate partial`: fine-tuning of more and more last blocks, each a run of its own, and the curve (MAE, figure 9). */
import { existsSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import type { Command } from "commander";
import type { FinetuneConfig, FinetuneConfigInput } from "../../index.js";
import type { Interval, Spread } from "../../public/runs.js";
import { typedCommand } from "../commands/pretrain.js";
import { resolveFinetuning } from "../config/finetuning.js";
import { UsageError } from "../errors.js";
import { type Add, wholeNumber } from "../options.js";
import type { Report } from "../report.js";
import { scoresText } from "../training/accuracy.js";
import { trainOnce } from "../training/once.js";
import { percent, percentInterval, percentSpread, quoted } from "../words.js";
import { type Asked, readBlocks, usualBlocks } from "./blocks.js";

interface Options {
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

/** One number of blocks and of epochs; top-1 accuracies after the last epoch, from 0 to 1, one a seed. */
interface PartialRow extends Spread {
  readonly blocks: string;
  readonly epochs: number;
  readonly top5: number;
  /** Mean of the best epochs, which were chosen on the pictures that judge. */
  readonly best: number;
  /** Mean over the seeds of the mean over the classes; undefined for runs of earlier versions. */
  readonly meanPerClass?: number;
  /** Of one seed. */
  readonly interval?: Interval;
  readonly folders: readonly string[];
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
  add<Options>(command, (report, operands, options) => sweep(report, operands as string[], options));
}

async function sweep(report: Report, tokens: string[], options: Options): Promise<number> {
  const { whole, name } = await begin(tokens, options);
  const out = options.out ?? join("runs", `partial-${name}`);
  const depth = await depthOf(whole);
  const asked = options.blocks === undefined ? usualBlocks(depth) : readBlocks(options.blocks, depth);
  const { makeFolder } = await import("../../public/formats.js");
  makeFolder(out);
  const points = new Map<Asked, Point[]>(asked.map((one) => [one, []]));
  let files: string[] = [];
  for (let draw = 0; draw < Math.max(1, options.seeds); draw++) {
    for (const one of asked) {
      const { exitCode, point } = await train(report, tokens, { ...options, out }, one, draw);
      if (point === undefined) {
        report.line(`Saved. The same command goes on${files.length > 0 ? `; the curve so far: ${files[1]}` : ""}.`);
        return exitCode;
      }
      points.get(one)?.push(point);
      files = await write(out, whole, await rowsOf(points)); // after each, so that there is something to look at
    }
  }
  const rows = await rowsOf(points);
  report.result({ from: whole.from, labels: whole.data.labels, pictures: out, rows, files }, () =>
    tell(report, rows, files),
  );
  return 0;
}

/** All but the blocks. @throws UsageError where there is nothing to begin with or nothing to judge by */
async function begin(tokens: string[], options: Options): Promise<{ whole: FinetuneConfig; name: string }> {
  const { resolveFinetune } = await import("../../public/train.js");
  const { config } = await resolveFinetuning(tokens, options);
  const whole = resolveFinetune(config);
  const refuse = (expected: string, actual: string, remedy: string): UsageError =>
    new UsageError({ code: "partial", path: "the command line", expected, actual, remedy });
  if (whole.from === undefined)
    throw refuse("a trained encoder", "none", "Name its run folder or checkpoint; with a recipe, by --from=<run>.");
  if (whole.data.heldOut === undefined)
    throw refuse("pictures to judge by", "none", "Use --data, or both --train and --test.");
  return { whole, name: basename(resolve(whole.from)) };
}

/** Layers of the encoder; nothing is allocated. */
async function depthOf(config: FinetuneConfig): Promise<number> {
  const { buildEncoder } = await import("../../public/models.js");
  const { cost } = await import("../../public/plan.js");
  const { imageShape } = await import("../../public/train.js");
  let depth = 0;
  cost(
    () => buildEncoder(config.model, imageShape(config)),
    (encoder) => {
      depth = encoder.depth;
    },
  );
  return depth;
}

interface Point {
  readonly epochs: number;
  readonly top1: number;
  readonly top5: number;
  readonly best: number;
  readonly folder: string;
  /** Of runs of earlier versions neither is known. */
  readonly interval?: Interval;
  readonly meanPerClass?: number;
}

/** Trains one point, or goes on with it, or reads what came of it. */
async function train(
  report: Report,
  tokens: readonly string[],
  options: Options & { readonly out: string },
  { blocks, epochs }: Asked,
  draw: number,
): Promise<{ exitCode: number; point: Point | undefined }> {
  const { config: said, choices } = await resolveFinetuning(tokens, {
    ...options,
    trainBlocks: blocks,
    probeByPaper: true,
  });
  const config = await drawn(said, options.seeds, draw, epochs);
  const named = `blocks-${blocks}${epochs === undefined ? "" : `-epochs-${epochs}`}-seed-${config.seed}`;
  const folder = join(options.out, named);
  const isNew = !existsSync(join(folder, "run.json"));
  report.line(`── ${blocksText(blocks)}, ${config.epochs} epochs, seed ${config.seed}: ${folder}`);
  if (isNew) for (const choice of choices) report.line(choice);
  const { exitCode, accuracy } = await trainOnce(folder, config, typedCommand(), report);
  if (exitCode !== 0 || accuracy === undefined) return { exitCode, point: undefined };
  const { last, best } = accuracy;
  const { top1 = 0, top5 = 0, meanPerClass } = last.scores;
  report.line(`${scoresText(last)}${isNew ? "" : " (as it was)"}`);
  const { interval } = last;
  const certain = {
    ...(interval === undefined ? {} : { interval }),
    ...(meanPerClass === undefined ? {} : { meanPerClass }),
  };
  const point = { epochs: config.epochs, top1, top5, best: best.scores["top1"] ?? 0, folder, ...certain };
  return { exitCode, point };
}

/** So often the accuracy is told while a point trains: only its last value counts. */
const looks = 4;

/** The whole configuration of one draw: other seeds, other labels. */
async function drawn(said: FinetuneConfigInput, seeds: number, draw: number, epochs?: number): Promise<FinetuneConfig> {
  const { resolveFinetune } = await import("../../public/train.js");
  const { labels } = said.data;
  const of = seeds > 1 && labels !== undefined ? { labels: { ...labels, seed: (labels.seed ?? 0) + draw } } : {};
  const config = resolveFinetune({
    ...said,
    seed: (said.seed ?? 0) + draw,
    data: { ...said.data, ...of },
    ...(epochs === undefined ? {} : { epochs }),
  });
  const isSaid = said.log?.heldOutEpochs !== undefined;
  return isSaid ? config : { ...config, log: { ...config.log, heldOutEpochs: Math.max(1, config.epochs / looks) } };
}

async function rowsOf(points: ReadonlyMap<Asked, readonly Point[]>): Promise<PartialRow[]> {
  const { spread } = await import("../../public/runs.js");
  return [...points].flatMap(([{ blocks }, own]): PartialRow[] => {
    const [first] = own;
    if (first === undefined) return [];
    const mean = (of: (point: Point) => number): number => own.reduce((sum, point) => sum + of(point), 0) / own.length;
    return [
      {
        blocks,
        epochs: first.epochs,
        ...spread(own.map(({ top1 }) => top1)),
        top5: mean(({ top5 }) => top5),
        best: mean(({ best }) => best),
        ...(own.every(({ meanPerClass }) => meanPerClass !== undefined)
          ? { meanPerClass: mean(({ meanPerClass = 0 }) => meanPerClass) }
          : {}),
        ...(own.length === 1 && first.interval !== undefined ? { interval: first.interval } : {}),
        folders: own.map(({ folder }) => folder),
      },
    ];
  });
}

async function write(out: string, whole: FinetuneConfig, rows: readonly PartialRow[]): Promise<string[]> {
  const { drawBlocks } = await import("../../public/evaluate.js");
  const { pngOf } = await import("../../public/runs.js");
  const { writeAtomic } = await import("../../public/formats.js");
  const { perClass, fraction } = whole.data.labels ?? {};
  const labels = perClass !== undefined ? `${perClass} labels a class` : `${percent(fraction ?? 1, 0)} of the labels`;
  const svg = await drawBlocks(bestRows(rows), `${basename(whole.from as string)}, ${labels}`);
  const files: [string, string | Uint8Array][] = [
    ["partial.svg", svg],
    ["partial.png", await pngOf(svg)],
    ["partial.json", `${JSON.stringify({ from: whole.from, labels: whole.data.labels, rows }, null, 1)}\n`],
  ];
  for (const [name, content] of files) writeAtomic(join(out, name), content);
  return files.map(([name]) => join(out, name));
}

/** Of several lengths the best for each number of blocks, as the paper's curve has it. */
function bestRows(rows: readonly PartialRow[]): PartialRow[] {
  return rows.filter((row) => !rows.some((other) => other.blocks === row.blocks && other.mean > row.mean));
}

function tell(report: Report, rows: readonly PartialRow[], files: readonly string[]): void {
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
  if (bestRows(rows).length < rows.length) report.line("The curve has the best length for each number of blocks.");
  report.line(`Curve: ${files.slice(0, 2).map(quoted).join(", ")}`);
}

function blocksText(blocks: string): string {
  if (blocks === "0") return "0: linear probing";
  if (blocks === "0.5") return "0.5: MLP of the last block";
  return blocks === "all" ? "all: the whole encoder" : `${blocks} last ${blocks === "1" ? "block" : "blocks"}`;
}
