import type { Command } from "commander";
import { type Add, wholeNumber } from "../options.js";
import { tellResult, watchRun } from "../training/watch.js";

interface Options {
  readonly workers?: number;
  readonly acceptChangedData?: boolean;
}

/** `lacuna resume <run>` */
export function resumeCommand(program: Command, add: Add): void {
  const command = program
    .command("resume")
    .summary("go on with a stopped run")
    .description(
      "Goes on from the last checkpoint: losses and weights become, bit for bit, those of a run that never stopped.",
    )
    .argument("<run>", "the run folder")
    .option("--workers <n>", "decoding threads; they never change the numbers", wholeNumber)
    .option("--accept-changed-data", "go on although the pictures have changed since");
  add<Options>(command, async (report, operands, options) => {
    const folder = operands[0] as string;
    const { featureProbes } = await import("../../public/evaluate.js");
    const { resume } = await import("../../index.js");
    const { workers, acceptChangedData = false } = options;
    const rest = { probes: featureProbes, acceptChangedData, ...(workers === undefined ? {} : { workers }) };
    const watched = await watchRun((signal) => resume(folder, { ...rest, signal }), folder, report);
    report.result(watched, () => tellResult(report, watched));
    return watched.exitCode;
  });
}
