import type { Command } from "commander";
import type { ForeignHints } from "../../public/models.js";
import type { Defaults } from "../../public/plan.js";
import { foreignOptions } from "../config/foreign.js";
import type { ConfigKey } from "../config/keys.js";
import { type MinutesOption, minutesOption } from "../config/minutes.js";
import { resolveRun, runConfigKeys } from "../config/resolve.js";
import { tellAssumed } from "../measure/model.js";
import type { Add } from "../options.js";
import type { Report } from "../report.js";
import { defaultRunFolder } from "../training/folder.js";
import { tellResult, watchRun } from "../training/watch.js";
import { duration, quoted } from "../words.js";

interface Options extends MinutesOption, ForeignHints {
  readonly out?: string;
  readonly overwrite?: boolean;
  readonly helpConfig?: boolean;
}

const details = `
Anything of the configuration can be set: --epochs=100 --data.batchSize=64 --method.maskRatio=0.6 (--help-config lists all).
Given a folder of pictures, everything is chosen from the pictures and the machine, and said with its reason.
With --minutes the run times some steps of its own before the first, settles by them how many it will have, and lets warm-up and
schedule end with the last. That number stays, also on resume: where the machine becomes slower, the run takes longer.
With --init a run begins with the weights of another one, or of an official .pth, timm's or transformers' files, in their sizes;
--heads to --teacher say what such a file leaves open.
A recipe is a TypeScript file (export default defineRun({ … })) or JSON; those of published experiments lie in recipes/.

Examples:
  lacuna pretrain photos
  lacuna pretrain photos --minutes 30
  lacuna pretrain photos --epochs=50 --data.imageSize=128 --out runs/first
  lacuna pretrain photos --init mae_pretrain_vit_base.pth
  lacuna pretrain recipes/mae-cifar10-reference.ts --seed=1`;

/** `lacuna pretrain <pictures | recipe> [--key=value …]` */
export function pretrainCommand(program: Command, add: Add): void {
  const command = program
    .command("pretrain")
    .summary("train a model on pictures without labels")
    .description(
      "Trains a masked autoencoder on a folder (or list) of pictures, on cifar10 or fashion-mnist, or as a recipe says.",
    )
    .usage("<pictures | recipe> [options] [--path.to.key=value …]")
    .argument(
      "[what...]",
      "a folder, list or tar archives of pictures, cifar10, fashion-mnist, or a recipe (.ts, .json)",
    )
    .option("--out <folder>", "the run folder (default: runs/<name>-<date>)")
    .option("--overwrite", "replace the run that is in it")
    .option("--help-config", "list every key of the configuration")
    .allowUnknownOption()
    .addHelpText("after", details);
  minutesOption(foreignOptions(command));
  add<Options>(command, async (report, operands, options) => {
    if (options.helpConfig === true) {
      tellKeys(report, await runConfigKeys());
      return 0;
    }
    const own = ["out", "overwrite", "minutes", "json", "help-config"];
    const { minutes } = options;
    const { name, config, defaults } = await resolveRun(operands as string[], own, minutes, options);
    if (defaults !== undefined) tellChoices(report, defaults);
    await tellAssumed(report, config.init, config.initHints);
    const out = options.out ?? defaultRunFolder(name, new Date());
    const { featureProbes } = await import("../../public/evaluate.js");
    const { pretrain } = await import("../../index.js");
    const rest = {
      probes: featureProbes,
      out,
      overwrite: options.overwrite === true,
      command: typedCommand(),
      ...(minutes === undefined ? {} : { minutes }),
    };
    const watched = await watchRun((signal) => pretrain(config, { ...rest, signal }), out, report, minutes);
    report.result(watched, () => tellResult(report, watched));
    return watched.exitCode;
  });
}

/** The command line as it was typed. */
export function typedCommand(): string {
  return ["lacuna", ...process.argv.slice(2).map(quoted)].join(" ");
}

/** What was chosen, and why. */
export function tellChoices(report: Report, { choices, estimate, advice }: Defaults): void {
  report.line("Chosen from the pictures and this machine (each can be set by --key=value):");
  report.table(choices.map(({ key, value, reason }) => [key, value, reason]));
  if (Number.isFinite(estimate.hours))
    report.line(`  A guess before anything is measured: ${duration(estimate.hours * 3600)}.`);
  for (const line of advice) report.line(`  ${line}`);
  report.line();
}

export function tellKeys(report: Report, keys: readonly ConfigKey[]): void {
  report.result(
    keys.map(({ path, takes, default: usual, description }) => ({ path, takes, default: usual, description })),
    () => {
      for (const { path, takes, default: usual, description } of keys) {
        const value = usual === undefined ? "" : ` = ${JSON.stringify(usual)}`;
        report.line(`--${path}${value}`);
        report.line(`    ${takes.join(" or ")}${description === undefined ? "" : ` · ${description}`}`);
      }
    },
  );
}
