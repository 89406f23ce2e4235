import type { Command } from "commander";
import type { ForeignHints } from "../../public/models.js";
import { finetuneConfigKeys, resolveFinetuning } from "../config/finetuning.js";
import { foreignOptions } from "../config/foreign.js";
import { type MinutesOption, minutesOption } from "../config/minutes.js";
import { tellAssumed } from "../measure/model.js";
import type { Add } from "../options.js";
import { defaultRunFolder } from "../training/folder.js";
import { tellResult, watchRun } from "../training/watch.js";
import { tellKeys, typedCommand } from "./pretrain.js";

interface Options extends MinutesOption, ForeignHints {
  readonly out?: string;
  readonly overwrite?: boolean;
  readonly helpConfig?: boolean;
  readonly data?: string;
  readonly train?: string;
  readonly test?: string;
  readonly labelsPerClass?: number;
  readonly labelFraction?: number;
  readonly labelSeed?: number;
  readonly trainBlocks?: string;
}

const details = `
What nobody says is the published recipe for the size of the model (He et al. 2021, tables 9 to 11), the batch cut to what
there is. Anything can be set: --epochs=100 --optim.layerDecay=0.75 (--help-config lists all).
With --minutes the run times some steps of its own before the first, settles by them how many it will have, and lets warm-up and
schedule end with the last. That number stays, also on resume: where the machine becomes slower, the run takes longer.
--train-blocks: all (the default), a number of last blocks, 0.5 for the MLP half of the last one, 0 for linear probing by
LARS, behind a batch norm, with crops and flips. The exact probe on cached features is: lacuna evaluate linear.

Examples:
  lacuna finetune runs/mae --data photos
  lacuna finetune runs/mae --data cifar10 --labels-per-class 100 --epochs=300
  lacuna finetune runs/mae --data photos --minutes 20
  lacuna finetune scratch --data photos --model.size=tiny
  lacuna finetune recipes/finetune-cifar10.ts --from=runs/mae`;

/** `lacuna finetune <run | checkpoint | scratch | recipe> --data … [--key=value …]` */
export function finetuneCommand(program: Command, add: Add): void {
  const command = program
    .command("finetune")
    .summary("train a classifier on labelled pictures")
    .description(
      "Trains an encoder with a classifier on pictures with classes: all of it, its last blocks, or the head alone.",
    )
    .usage("<run | checkpoint | scratch | recipe> --data <pictures> [options] [--path.to.key=value …]")
    .argument("[what...]", "a run folder, a checkpoint file, the word scratch, or a recipe (.ts, .json)")
    .option("--data <pictures>", "cifar10, fashion-mnist, or a folder with a folder for each class (or train and test)")
    .option("--train <pictures>", "labelled pictures to learn from, with --test")
    .option("--test <pictures>", "labelled pictures to judge by, with --train")
    .option("--labels-per-class <k>", "learn from this number of pictures of each class", Number)
    .option("--label-fraction <x>", "learn from this share of the pictures, level over the classes", Number)
    .option("--label-seed <n>", "which of them are drawn; without it the first of each class", Number)
    .option("--train-blocks <n>", "how much is trained: all, 1, 2, …, 0.5 or 0")
    .option("--out <folder>", "the run folder (default: runs/<name>-<date>)")
    .option("--overwrite", "replace the run that is in it")
    .option("--help-config", "list every key of the configuration")
    .allowUnknownOption()
    .addHelpText("after", details);
  minutesOption(foreignOptions(command));
  add<Options>(command, async (report, operands, options) => {
    if (options.helpConfig === true) {
      tellKeys(report, await finetuneConfigKeys());
      return 0;
    }
    const { name, config, choices } = await resolveFinetuning(operands as string[], options);
    for (const choice of choices) report.line(choice);
    await tellAssumed(report, config.from, config.fromHints);
    const out = options.out ?? defaultRunFolder(name, new Date());
    const { finetune } = await import("../../index.js");
    const { featureProbes } = await import("../../public/evaluate.js");
    const { minutes } = options;
    const length = minutes === undefined ? {} : { minutes };
    const rest = {
      probes: featureProbes,
      out,
      overwrite: options.overwrite === true,
      command: typedCommand(),
      ...length,
    };
    const watched = await watchRun((signal) => finetune(config, { ...rest, signal }), out, report, minutes);
    report.result(watched, () => tellResult(report, watched));
    return watched.exitCode;
  });
}
