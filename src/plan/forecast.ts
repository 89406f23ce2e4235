/** What a run takes on this machine: time and memory, predicted. */
import { machineLimits } from "../engine/limits.js";
import type { RunConfig } from "../train/config.js";
import { settleMachine } from "../train/loop/environment.js";
import { busyLoad, machineRates } from "./machine.js";
import { recordRun, runMemory, stepTime, whatWouldFit } from "./predict.js";

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

/** What of the machine is known already, and what must be measured. */
export interface MachineState {
  /** Pictures that are read and augmented a second (`measureDecoding`); undefined where it is not known. */
  readonly decodedPerSecond?: number | undefined;
  /** Of the process, besides tensors; those of this one unless said. */
  readonly processBytes?: number;
  /** Measure this machine's rates although they are known. */
  readonly again?: boolean;
  /** Gets lines on what takes its time. */
  readonly tell?: (line: string) => void;
}

/** Predicts a run from its recording and the machine's rates, which are measured once (seconds) and kept. */
export function forecast(config: RunConfig, state: MachineState = {}): Forecast {
  const { decodedPerSecond, processBytes = process.memoryUsage.rss(), again = false, tell = () => undefined } = state;
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
