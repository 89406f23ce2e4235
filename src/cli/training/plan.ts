/** What a run takes on this machine, in words. */
import type { Forecast } from "../../public/plan.js";
import { bytes, duration, figure, percent } from "../words.js";

const names: Readonly<Record<string, string>> = {
  products: "matrix products",
  attention: "attention's products",
  elements: "element-wise work (memory bandwidth)",
  overhead: "starting operations (small tensors)",
  optimizer: "the optimiser",
  decoding: "reading and augmenting pictures",
};

/** Rows for a table: speed, time, what limits, memory. */
export function forecastRows(found: Forecast, steps: number | undefined): string[][] {
  const parts = Object.entries(found.step).sort(([, a], [, b]) => b - a);
  const shares = parts.filter(([, seconds]) => seconds > 0.005 * found.stepSeconds);
  const { memory } = found;
  return [
    ["images a second", figure(found.imagesPerSecond)],
    ...(steps === undefined ? [] : [["the whole run takes", duration(steps * found.stepSeconds)]]),
    [
      "a step's time goes to",
      shares.map(([name, s]) => `${names[name]} ${percent(s / found.stepSeconds, 0)}`).join(", "),
    ],
    ...(found.isBusy ? [["", "measured while other work had the machine: too slow; later plans measure again"]] : []),
    ["memory at most", `${bytes(memory.totalBytes)} of ${bytes(found.limitBytes)}`],
    [
      "",
      `weights and optimiser ${bytes(memory.stateBytes)}, a step ${bytes(memory.peakBytes)} (kept for backward ${bytes(memory.keptBytes)})`,
    ],
  ];
}

/** What to change, where a run does not fit. */
export function remedyText({ fits, remedy, limitBytes }: Forecast): string | undefined {
  if (fits) return undefined;
  if (remedy === undefined)
    return `It does not fit into ${bytes(limitBytes)}, and nothing that leaves the result the same would make it: choose a smaller model or batch.`;
  const flags = [
    ...(remedy.accumulate > 1 ? [`--optim.accumulate=${remedy.accumulate}`] : []),
    ...(remedy.checkpointing ? ["--checkpointing=true"] : []),
  ];
  return `It does not fit into ${bytes(limitBytes)}. With ${flags.join(" ")} it takes ${bytes(remedy.totalBytes)}, the result being the same.`;
}
