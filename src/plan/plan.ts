/** All that is known of a run before it begins: its size, its steps, and what they take here and on a large GPU. */
import { openSource, type Source } from "../data/source.js";
import { libtorchVersion } from "../engine/device.js";
import { models } from "../models/index.js";
import { derive, parseConfig, type RunConfig, type RunConfigInput } from "../train/config.js";
import { costOf, type ModelCost } from "./cost.js";
import { measureDecoding } from "./decoding.js";
import { type Forecast, forecast, type MachineState } from "./forecast.js";
import { withinMinutes } from "./predict.js";
import { estimateGpu, type GpuEstimate } from "./speed.js";

/** What follows from the number of pictures. */
export interface RunNumbers {
  readonly learningRate: number;
  readonly pictures?: number;
  readonly stepsPerEpoch?: number;
  readonly steps?: number;
  readonly warmupSteps?: number;
  /** Why there are no steps: what is wrong with the pictures. */
  readonly unknown?: string;
}

/** The same run with a model of another size. */
export interface ComparedSize extends Forecast {
  readonly size: string;
  readonly parameters: number;
}

/** What a run would be and take: its numbers, time and memory here, time on a large GPU, and models of other sizes. */
export interface RunPlan {
  /** With the epochs that fit, where minutes were given and the pictures are known. */
  readonly config: RunConfig;
  readonly cost: ModelCost;
  readonly run: RunNumbers;
  /** Undefined where steps are not known, and for models that would leave a GPU idle. */
  readonly gpu: GpuEstimate | undefined;
  readonly forecast: Forecast;
  readonly sizes: readonly ComparedSize[];
}

/** What a plan cannot see for itself, and what it shall compare. */
export interface PlanOptions {
  /** How many there are, where they are not here. */
  readonly pictures?: number | undefined;
  /** A length: the run has the steps that fit. */
  readonly minutes?: number | undefined;
  /** Measure this machine's rates again. */
  readonly again?: boolean;
  /** Sizes of the model to compare, as the model offers them: `small`, `base`. */
  readonly sizes?: readonly string[];
  /** Gets lines on what takes its time. */
  readonly tell?: (line: string) => void;
}

/**
 * Works out a run without training it. How fast this machine multiplies is measured once (seconds) and kept; how fast it reads the
 * run's pictures is measured on some of them. @throws ConfigError for what does not fit together
 */
export async function planRun(said: RunConfig, options: PlanOptions = {}): Promise<RunPlan> {
  const { pictures, minutes, again = false, sizes = [], tell = () => undefined } = options;
  const cost = costOf(said);
  const { source, ...asked } = await runNumbers(said, pictures);
  const state = await machineState(said, source);
  const found = forecast(said, { ...state, again, tell });
  const { config, run } = within(minutes, said, asked, found);
  return {
    config,
    cost,
    run,
    gpu: gpuOf(cost.step / 3, run, config), // as of a forward pass with its backward pass
    forecast: found,
    sizes: sizes.map((size) => ofSize(config, size, { ...state, tell })),
  };
}

async function runNumbers(config: RunConfig, given: number | undefined): Promise<RunNumbers & { source?: Source }> {
  const learningRate = (config.optim.baseLearningRate * config.data.batchSize) / 256;
  let pictures = given;
  let source: Source | undefined;
  try {
    source = await openSource(config.data.source);
    pictures ??= source.size;
  } catch (error) {
    if (pictures === undefined) return { learningRate, unknown: (error as Error).message };
  }
  const { stepsPerEpoch, steps, warmupSteps } = derive(config, pictures);
  return { learningRate, pictures, stepsPerEpoch, steps, warmupSteps, ...(source === undefined ? {} : { source }) };
}

function within(
  minutes: number | undefined,
  config: RunConfig,
  run: RunNumbers,
  { stepSeconds }: Forecast,
): Pick<RunPlan, "config" | "run"> {
  if (minutes === undefined || run.pictures === undefined) return { config, run };
  const long = withinMinutes(config, minutes, stepSeconds, run.pictures);
  const { steps, warmupSteps } = derive(long, run.pictures);
  return { config: long, run: { ...run, steps, warmupSteps } };
}

/** What this machine does with the run's own pictures, where they are here. */
async function machineState(config: RunConfig, source: Source | undefined): Promise<MachineState> {
  libtorchVersion(); // loads it: a run has it too
  const decoding = source === undefined ? undefined : await measureDecoding(config, source);
  return {
    decodedPerSecond: decoding?.perSecond,
    processBytes: decoding?.processBytes ?? process.memoryUsage.rss(),
  };
}

function ofSize(config: RunConfig, size: string, state: MachineState): ComparedSize {
  const { sized = [] } = models.get(config.model.name);
  const model = Object.fromEntries(Object.entries(config.model).filter(([key]) => !sized.includes(key)));
  const other = parseConfig({ ...config, model: { ...model, size } } as unknown as RunConfigInput);
  return { size, parameters: costOf(other).parameters, ...forecast(other, state) };
}

/** Multiply-adds a picture below which starting kernels takes a GPU longer than running them: no share of its peak fits. */
const leastForGpu = 1e9;

function gpuOf(multiplyAdds: number, { steps }: RunNumbers, { data }: RunConfig): GpuEstimate | undefined {
  if (multiplyAdds < leastForGpu || steps === undefined) return undefined;
  return estimateGpu({ multiplyAdds, pictures: steps * data.batchSize });
}
