import type { Command } from "commander";
import { type Add, positiveNumber } from "../options.js";

interface Options {
  readonly minutes: number;
  readonly out?: string;
}

/** `lacuna quickstart`: from nothing to a model that has learned a little, in some minutes. */
export function quickstartCommand(program: Command, add: Add): void {
  const command = program
    .command("quickstart")
    .summary("see it work: CIFAR-10, five minutes of training, before and after")
    .description(
      "Fetches CIFAR-10, trains a small masked autoencoder for at most the given minutes, and measures its features " +
        "before and after beside raw pixels.",
    )
    .option("--minutes <n>", "of training at most", positiveNumber, 5)
    .option("--out <folder>", "the run folder (default: runs/quickstart-<date>)");
  add<Options>(command, async (report, _, options) => {
    const { quickstart } = await import("../quickstart/quickstart.js");
    return quickstart(report, options);
  });
}
