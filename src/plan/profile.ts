/** One step of a run on pictures of noise, with every operation timed. */
import { loadavg } from "node:os";
import { machineLimits } from "../engine/limits.js";
import { timeOperations } from "../engine/meter.js";
import { scope } from "../engine/scope.js";
import { ConfigError } from "../errors.js";
import { type StepProfile, stepProfile } from "../graph/profile.js";
import { Rng } from "../tensor/random.js";
import { derive, type RunConfig } from "../train/config.js";
import { settleMachine } from "../train/loop/environment.js";
import { imageShape, type Precision, type TrainingBatch } from "../train/loop/task.js";
import { trainingOf } from "../train/pretrain.js";
import { Trainer, type Training } from "../train/trainer.js";
import { viewSizes } from "./example-batch.js";
import { busyLoad, machineRates } from "./machine.js";

/** Steps before the one that is measured: first calls set up kernels and memory. */
const warmup = 2;

/** A step's profile beside what the machine can do. */
export interface ProfiledRun extends StepProfile {
  readonly machine: {
    readonly cpu: string;
    readonly threads: number;
    readonly precision: Precision;
    /** The most that matrix products reach on it. */
    readonly multiplyAddsPerSecond: number;
    /** Whether other work had the machine: the times are too long then. */
    readonly isBusy: boolean;
  };
}

/** Profiles a step of a run as it would be trained here. @param tell gets lines on what takes its time @throws ConfigError */
export async function profileRun(
  config: RunConfig,
  tell: (line: string) => void = () => undefined,
): Promise<ProfiledRun> {
  const load = (loadavg()[0] ?? 0) / machineLimits().cores; // before it is our own
  const { cpu, threads, device, precision } = settleMachine(config);
  const rates = machineRates({ cpu, threads, device, precision }, { tell });
  const multiplyAddsPerSecond = Math.max(...rates.products.map(({ rate }) => rate));
  const isBusy = Math.max(load, rates.load) > busyLoad;
  const profile = await profileStep(config, precision);
  return { ...profile, machine: { cpu, threads, precision, multiplyAddsPerSecond, isBusy } };
}

/**
 * Trains a few steps and measures the last: all that a run does but reading pictures and writing files.
 * @throws ConfigError for what is not on the CPU, or must be fitted to real pictures first
 */
export async function profileStep(config: RunConfig, precision: Precision): Promise<StepProfile> {
  if (config.device !== "cpu") {
    throw new ConfigError({
      problem: `a profile times the CPU's operations, and the run is on ${config.device}.`,
      code: "device",
      path: "device",
      expected: "cpu",
      actual: config.device,
      remedy: "Say --device=cpu.",
    });
  }
  const training = trainingOf(config);
  const batch = noise(config, training);
  const trainer = new Trainer(config, derive(config, config.data.batchSize * warmup * 2), precision, training);
  try {
    await trainer.begin(refuse);
    for (let index = 0; index < warmup; index++) trainer.step(batch, index);
    const began = performance.now();
    const { spans } = timeOperations(() => trainer.step(batch, warmup));
    return stepProfile(spans, (performance.now() - began) / 1000);
  } finally {
    trainer.close();
  }
}

function refuse(): never {
  throw new ConfigError({
    problem: "this method is fitted to the pictures of a run before its first step.",
    code: "method",
    path: "method",
    expected: "a method that needs no pictures to begin",
    actual: "one that is fitted",
    remedy: "Profile it with method.target=pixels: the encoder's work is the same.",
  });
}

function noise(config: RunConfig, { views, columns }: Pick<Training, "views" | "columns">): TrainingBatch {
  const { batchSize } = config.data;
  const { channels } = imageShape(config);
  const pictures = Object.entries(viewSizes(views)).map(([name, [height, width]]) => {
    const count = batchSize * height * width * channels;
    const data = scope(() =>
      Uint8Array.from(new Rng(0, `profile/${name}`).uniform([count]).mul(255).toArray() as Float32Array),
    );
    return [name, { data, height, width, channels }] as const;
  });
  return {
    epoch: 0,
    samples: Array.from({ length: batchSize }, (_, sample) => sample),
    ...(columns.includes("label") ? { labels: new Int32Array(batchSize) } : {}),
    ...(columns.includes("text") ? { captions: Array.from({ length: batchSize }, () => "") } : {}),
    views: Object.fromEntries(pictures),
  };
}
