/** What a run would take, predicted on the machine where it ran: the plan beside which a report puts what came. */
import { cpus } from "node:os";
import type { RunConfig, RunFile } from "../../index.js";
import { forecast } from "../training/plan.js";

/**
 * Seconds of the whole run and pictures a second; undefined on another machine than the run's, with another number of threads, and
 * for what is no pre-training. Measures this machine the first time (seconds), as `lacuna plan` does.
 */
export async function plannedOn({
  config,
  machine,
  derived,
}: RunFile): Promise<{ seconds: number; imagesPerSecond: number } | undefined> {
  const steps = derived["steps"];
  if (steps === undefined || "task" in (config as object)) return undefined;
  // Before libtorch is asked for: a report is also made where there is none, or no GPU.
  if (machine.device !== "cpu" || machine.cpu !== cpus()[0]?.model) return undefined;
  const { parseConfig, settleMachine } = await import("../../index.js");
  const parsed: RunConfig = parseConfig(config);
  if (settleMachine(parsed).threads !== machine.threads) return undefined;
  const { stepSeconds, imagesPerSecond } = await forecast(parsed, {
    decodedPerSecond: undefined, // its pictures may be gone
    processBytes: 0,
    again: false,
  });
  return { seconds: steps * stepSeconds, imagesPerSecond };
}
