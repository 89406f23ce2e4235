/** What a run takes on this machine, in words. */
import type { RunConfig } from "../../index.js";
import { bytes, duration, figure, percent } from "../words.js";

/** A run's time and memory as predicted. */
export interface Forecast {
  readonly imagesPerSecond: number;
  readonly stepSeconds: number;
  /** Seconds of a step by what they go to. */
  readonly step: Readonly<Record<string, number>>;
  readonly memory: {
    readonly peakBytes: number;
    readonly keptBytes: number;
    readonly stateBytes: number;
    readonly totalBytes: number;
  };
  readonly limitBytes: number;
  readonly fits: boolean;
  /** Whether other work had the machine when it was measured. */
  readonly isBusy: boolean;
  /** The least change that fits, where the run does not. */
  readonly remedy?: { readonly accumulate: number; readonly checkpointing: boolean; readonly totalBytes: number };
}

export interface Measured {
  readonly decodedPerSecond: number | undefined;
  readonly processBytes: number;
  readonly again: boolean;
  /** Gets lines on what takes its time. */
  readonly tell?: (line: string) => void;
}

/** Predicts a run from its recording and the machine's rates. */
export async function forecast(
  config: RunConfig,
  { decodedPerSecond, processBytes, again, tell = () => undefined }: Measured,
): Promise<Forecast> {
  const { busyLoad, machineLimits, machineRates, recordRun, runMemory, settleMachine, stepTime, whatWouldFit } =
    await import("../../index.js");
  const machine = settleMachine(config);
  const { precision, cpu, threads, device } = machine;
  const recorded = recordRun(config, precision);
  const rates = machineRates({ cpu, threads, device, precision }, { again, tell });
  const isBusy = rates.load > busyLoad;
  const step = stepTime(recorded, config, rates, decodedPerSecond);
  const stepSeconds = Object.values(step).reduce((sum, seconds) => sum + seconds, 0);
  const memory = runMemory(recorded, config, precision, processBytes);
  const limitBytes = machineLimits().memoryBytes;
  const fits = device !== "cpu" || memory.totalBytes <= limitBytes;
  const remedy = fits ? undefined : whatWouldFit(config, precision, processBytes, limitBytes);
  return {
    imagesPerSecond: config.data.batchSize / stepSeconds,
    stepSeconds,
    step: { ...step },
    memory,
    limitBytes,
    fits,
    isBusy,
    ...(remedy === undefined ? {} : { remedy }),
  };
}

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
