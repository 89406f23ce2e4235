/** A length in minutes, in place of epochs. */
import type { Command } from "commander";
import type { Setting } from "../../keys.js";
import { UsageError } from "../errors.js";
import { positiveNumber } from "../options.js";

export interface MinutesOption {
  readonly minutes?: number;
}

export function minutesOption(command: Command): Command {
  return command.option(
    "--minutes <n>",
    "instead of --epochs: as many steps as fit, settled before the first by how fast the run goes here",
    positiveNumber,
  );
}

const remedies: Readonly<Record<string, string>> = {
  epochs: "Say one of them.",
  "optim.warmupEpochs": "Leave it out: with --minutes the warm-up keeps its share of the run.",
};

/** @throws UsageError where the command line says how long in another way too */
export function checkLength(minutes: number | undefined, settings: readonly Setting[]): void {
  const other = settings.find(({ path }) => path in remedies);
  if (minutes === undefined || other === undefined) return;
  const remedy = remedies[other.path] as string;
  const details = { expected: "one length of the run", actual: `--minutes ${minutes} beside it`, remedy };
  throw new UsageError({ code: "two-lengths", path: `--${other.path}`, ...details });
}
