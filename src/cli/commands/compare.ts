import { basename, extname } from "node:path";
import type { Command } from "commander";
import type { Setting } from "../../keys.js";
import type { LeagueInput } from "../../public/sweep.js";
import { onlyOperand, parseFlags } from "../config/flags.js";
import { isRecipe, loadRecipe } from "../config/recipe.js";
import { runConfigKeys } from "../config/resolve.js";
import { parseSource, sourceName } from "../config/sources.js";
import { UsageError } from "../errors.js";
import { type Add, positiveNumber, wholeNumber } from "../options.js";
import type { Report } from "../report.js";
import { sweepOf } from "../sweep/load.js";
import { type SweepOptions, sweepAll } from "./sweep.js";

interface Options extends Omit<SweepOptions, "pictures"> {
  readonly test?: string;
  readonly methods?: string;
  readonly models?: string;
  readonly minutes?: number;
  readonly multiplyAdds?: number;
  readonly seeds?: number;
  readonly labelsPerClass?: number;
}

const details = `
All methods see the same pictures, train the same encoder, and are trained for the same number of multiply-adds; augmentation,
optimiser, batch and rate are what each method advises. Methods that take no ViT train their usual encoder. Classes only judge
(folders of classes in <photos>; those of train/ and test/ where there are such, else a fifth of the pictures is kept apart):
20-NN and a linear classifier on frozen features, with --labels-per-class fine-tuning, beside raw pixels and the untrained encoders.

Run the same command again to go on after Ctrl-C, a crash or kill -9.

Examples:
  lacuna compare photos --minutes 20
  lacuna compare cifar10 --methods mae,simsiam,mocoV3 --minutes 8 --seeds 2
  lacuna compare recipes/league/cifar10.ts --dry-run`;

/** `lacuna compare <photos | league file>` */
export function compareCommand(program: Command, add: Add): void {
  const command = program
    .command("compare")
    .summary("which method suits these pictures? all of them in one fair table")
    .description(
      "Trains every method on the same pictures at the same cost, and ranks them by what their features tell apart.",
    )
    .usage("<photos | league file> [options] [--path.to.key=value …]")
    .argument("[what...]", "pictures in folders of classes (cifar10, photos), or a league file (.ts, .json)")
    .option("--test <pictures>", "labelled pictures to judge by (default: a part of <photos>)")
    .option("--methods <names>", "with commas (default: all)")
    .option("--models <names>", "encoders, with commas (default: a ViT; the usual one of methods that take none)")
    .option(
      "--minutes <n>",
      "of training of each run on this machine, by the first method (default: 8)",
      positiveNumber,
    )
    .option("--multiply-adds <n>", "of training of each run, instead of --minutes", positiveNumber)
    .option("--seeds <n>", "runs of each method (default: 2)", wholeNumber)
    .option("--labels-per-class <n>", "fine-tune each encoder with so many labelled pictures of a class", wholeNumber)
    .option("--out <folder>", "the folder of all runs (default: runs/compare-<name>)")
    .option("--dry-run", "show the runs, their order and cost; train nothing")
    .option("--retry", "train runs again whose training failed")
    .allowUnknownOption()
    .addHelpText("after", details);
  add<Options>(command, async (report, operands, options) => compare(report, operands as string[], options));
}

const own = [
  "test",
  "methods",
  "models",
  "minutes",
  "multiply-adds",
  "seeds",
  "labels-per-class",
  "out",
  "dry-run",
  "retry",
];

async function compare(report: Report, tokens: readonly string[], options: Options): Promise<number> {
  const keys = await runConfigKeys();
  const { operands, settings } = parseFlags(tokens, keys, [...own, "json"], "compare");
  const expected = "pictures in folders of classes, or one league file";
  const what = onlyOperand(operands, { expected, example: "lacuna compare photos --minutes 20" });
  refuseChosen(settings);
  const given = isRecipe(what) ? await fromFile(what, options) : await fromPictures(what, options);
  const side = settings.findLast(({ path }) => path === "data.imageSize")?.value;
  const league = side === undefined ? given : { ...given, imageSize: side as number };
  const out =
    options.out ?? `runs/compare-${isRecipe(what) ? basename(what, extname(what)) : sourceName(league.train)}`;
  const { leagueIn, leagueSweep } = await import("../../public/sweep.js");
  report.line("Choosing each method's run …");
  const sweep = options.dryRun === true ? await leagueSweep(league) : await leagueIn(out, league);
  const written = JSON.parse(JSON.stringify(sweep)) as Record<string, unknown>;
  return sweepAll(report, await sweepOf(written, what, settings, keys), { ...options, out });
}

/** Keys that differ from method to method, which a flag would set for all. @throws UsageError */
function refuseChosen(settings: readonly Setting[]): void {
  const chosen = /^(method|model|optim|epochs|seed|checkpointing|data\.(batchSize|source|heldOut))(\.|$)/;
  const found = settings.find(({ path }) => chosen.test(path));
  if (found === undefined) return;
  throw new UsageError({
    code: "chosen",
    path: `--${found.path}`,
    expected: "a key that all methods share",
    actual: "one that each method has for itself",
    remedy: "Set it for single methods in a league file: docs/guide/comparing.md. The length follows from --minutes.",
  });
}

/** What flags say of a league over what a file says. */
function said(options: Options): Partial<LeagueInput> {
  const names = (text: string): string[] => text.split(",").map((name) => name.trim());
  const { methods, models, minutes, multiplyAdds, seeds, labelsPerClass } = options;
  return {
    ...(methods === undefined ? {} : { methods: names(methods) }),
    ...(models === undefined ? {} : { models: Object.fromEntries(names(models).map((name) => [name, {}])) }),
    ...(minutes === undefined ? {} : { minutes }),
    ...(multiplyAdds === undefined ? {} : { multiplyAdds }),
    ...(seeds === undefined ? {} : { seeds: Array.from({ length: seeds }, (_, i) => i) }),
    ...(labelsPerClass === undefined ? {} : { labelsPerClass }),
    ...(options.test === undefined ? {} : { test: parseSource(options.test, "test") }),
  };
}

async function fromFile(file: string, options: Options): Promise<LeagueInput> {
  return { ...(await loadRecipe(file)), ...said(options) } as unknown as LeagueInput;
}

async function fromPictures(what: string, options: Options): Promise<LeagueInput> {
  const { trainTestOf } = await import("../../public/data.js");
  const pictures = parseSource(what);
  const { train, test } = options.test === undefined ? trainTestOf(pictures) : { train: pictures, test: pictures };
  return { title: `Methods on ${sourceName(pictures)}`, train, test, ...said(options) };
}
