/** What a run would take, predicted on the machine where it ran: the plan beside which a report puts what came. */
import { cpus } from "node:os";
import type { RunFile } from "../runs/schema.js";
import { parseConfig } from "../train/config.js";
import { settleMachine } from "../train/loop/environment.js";
import { forecast } from "./forecast.js";

/**
 * Seconds of the whole run and pictures a second; undefined on another machine than the run's, with another number of threads, and
 * for what is no pre-training. Measures this machine the first time (seconds), as `lacuna plan` does.
 */
export function plannedOn({
  config,
  machine,
  derived,
}: RunFile): { seconds: number; imagesPerSecond: number } | undefined {
  const steps = derived["steps"];
  if (steps === undefined || "task" in (config as object)) return undefined;
  // Before libtorch is asked for: a report is also made where there is none, or no GPU.
  if (machine.device !== "cpu" || machine.cpu !== cpus()[0]?.model) return undefined;
  const parsed = parseConfig(config);
  if (settleMachine(parsed).threads !== machine.threads) return undefined;
  const { stepSeconds, imagesPerSecond } = forecast(parsed); // its pictures may be gone: how fast they are read is left out
  return { seconds: steps * stepSeconds, imagesPerSecond };
}
