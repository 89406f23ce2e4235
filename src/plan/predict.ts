/** What a run will take of time and memory, from a recording of its step and what the machine does in a second. */

import type { OpName } from "../engine/dispatch.js";
import { machineLimits } from "../engine/limits.js";
import { noGrad } from "../engine/modes.js";
import { type RecordedStep, record } from "../engine/record.js";
import { scope } from "../engine/scope.js";
import { differentiableSteps } from "../graph/differentiable.js";
import { type StepMemory, stepMemory } from "../graph/memory.js";
import { type Kind, operations } from "../graph/operations.js";
import { methods } from "../methods/index.js";
import { alone } from "../methods/world.js";
import { watchOutputs } from "../nn/module.js";
import { onDevice } from "../nn/parameter.js";
import { asOn } from "../tensor/kernels.js";
import { Rng } from "../tensor/random.js";
import { withRandom } from "../tensor/step-random.js";
import { derive, type RunConfig, withEpochs } from "../train/config.js";
import { budgetReserve, stepsWithin } from "../train/loop/budget.js";
import { imageShape, type Precision } from "../train/loop/task.js";
import { trainingOf } from "../train/pretrain.js";
import { emptyBatch } from "./example-batch.js";
import type { MachineRates } from "./machine.js";

/** The forward pass of one micro-batch, recorded with nothing allocated. */
export interface RecordedRun {
  readonly steps: readonly RecordedStep[];
  readonly parameters: ReadonlyMap<number, boolean>;
  /** Numbers in all parameters and buffers, and in those that training changes. */
  readonly size: number;
  readonly trainable: number;
  /** As `Method.forwardPasses`. */
  readonly forwardPasses: number;
  /** As `Encoder.layerPaths`: what `checkpointing` computes again. */
  readonly layerPaths: readonly string[];
}

/**
 * Records a micro-batch of the run on the `meta` device.
 * @param inModules whether every module is called, also where a kernel has several of them as one operation
 */
export function recordRun(config: RunConfig, precision: Precision, { inModules = false } = {}): RecordedRun {
  const batch = config.data.batchSize / config.optim.accumulate;
  const training = onDevice("meta", () => trainingOf(config));
  const { method } = training;
  try {
    const samples = Array.from({ length: batch }, (_, i) => i);
    const step = { index: 0, epoch: 0, progress: 0, rng: new Rng(0, "plan", 0, samples), world: alone };
    const { recording } = noGrad(() =>
      scope(() => {
        const given = emptyBatch(training, config, batch);
        const pass = () => void withRandom(step.rng.fork("layers"), () => method.call(given, step));
        const forward = inModules ? () => watchOutputs(() => {}, pass) : pass;
        return { recording: record(() => asOn(config.device, precision, forward)).recording };
      }),
    );
    const state = [...method.state().values()];
    return {
      steps: recording.steps,
      parameters: new Map(state.map(({ id, requiresGrad }) => [id, requiresGrad])),
      size: state.reduce((sum, { size }) => sum + size, 0),
      trainable: state.reduce((sum, { size, requiresGrad }) => sum + (requiresGrad ? size : 0), 0),
      forwardPasses: method.forwardPasses?.() ?? 1,
      layerPaths: method.encoder.layerPaths,
    };
  } finally {
    method.close();
  }
}

/** Shares of a step's time, in seconds. */
export interface StepTime {
  readonly products: number;
  readonly attention: number;
  /** Norms, softmax, GELU, sums, copies. */
  readonly elements: number;
  /** Starting operations, whatever their size. */
  readonly overhead: number;
  readonly optimizer: number;
  readonly decoding: number;
}

/** Backward of a product costs twice its forward pass, and is in the measured rates; computing again costs a third more. */
const recomputed = 4 / 3;

/**
 * Predicts where the time of a training step goes, in seconds, from its recording and this machine's rates.
 * @param decodedPerSecond pictures that the loader makes in a second with all threads; undefined: not known, not counted
 */
export function stepTime(
  { steps, parameters, trainable, forwardPasses, layerPaths }: RecordedRun,
  config: RunConfig,
  rates: MachineRates,
  decodedPerSecond: number | undefined,
): StepTime {
  const time = { products: 0, attention: 0, elements: 0, overhead: 0 };
  const segmentOf = segmentsOf(layerPaths);
  const isDifferentiable = differentiableSteps(
    steps,
    [...parameters].flatMap(([id, isTrained]) => (isTrained ? [id] : [])),
  );
  for (const [i, step] of steps.entries()) {
    const { kind, multiplyAdds, inside } = operations[step.op as OpName];
    const passes = (forwardPasses + (isDifferentiable[i] === true ? 2 : 0)) / 3; // backward costs twice the forward pass
    const again = (config.checkpointing && segmentOf(step.module) !== undefined ? recomputed : 1) * passes;
    const output = step.outputs.reduce((sum, { shape }) => sum + product(shape), 0);
    time.overhead += again * rates.overhead;
    if (multiplyAdds !== undefined) {
      const all = multiplyAdds(step);
      const attended = inside?.(step).attentionAdds ?? (isLinear(step) || kind === "convolution" ? 0 : all);
      if (attended > 0) time.attention += (again * 3 * attended) / rateAt(rates.attention, tokensOf(step));
      if (all > attended) time.products += (again * 3 * (all - attended)) / rateAt(rates.products, widthOf(step));
      for (const [part, elements] of Object.entries(inside?.(step).elements ?? {}))
        time.elements += again * elements * (rates.elements[part as Kind] ?? 0);
    } else if (!isView(step)) time.elements += again * output * (rates.elements[kind] ?? 0);
  }
  const { batchSize } = config.data;
  const micro = config.optim.accumulate;
  const share = config.device === "cpu" ? 1 : 0; // beside a GPU, decoding and training overlap
  return {
    products: micro * time.products,
    attention: micro * time.attention,
    elements: micro * time.elements,
    overhead: micro * time.overhead,
    optimizer: trainable * rates.optimizer,
    decoding: decodedPerSecond === undefined ? 0 : (share * batchSize) / decodedPerSecond,
  };
}

/** The run with as many steps as fit into some minutes at a predicted pace; the run itself measures its own. */
export function withinMinutes(config: RunConfig, minutes: number, stepSeconds: number, pictures: number): RunConfig {
  const { stepsPerEpoch } = derive(config, pictures);
  const steps = stepsWithin(60 * minutes * (1 - budgetReserve), stepSeconds, []);
  return withEpochs(config, Math.max(1, steps) / stepsPerEpoch);
}

const product = (sides: readonly number[]): number => sides.reduce((a, b) => a * b, 1);

const isLinear = ({ op }: RecordedStep): boolean => op === "linear" || op === "lacuna::linear";

function isView({ inputs, outputs }: RecordedStep): boolean {
  return inputs.some(({ storage }) => storage !== undefined && storage === outputs[0]?.storage);
}

function widthOf({ inputs, outputs }: RecordedStep): number {
  return Math.sqrt((inputs[0]?.shape.at(-1) ?? 1) * (outputs[0]?.shape.at(-1) ?? 1));
}

function tokensOf({ op, inputs, outputs }: RecordedStep): number {
  if (op === "scaled_dot_product_attention") return inputs[1]?.shape.at(-2) ?? 1;
  if (op === "lacuna::attention" || op === "lacuna::block") return inputs[0]?.shape.at(-2) ?? 1;
  return Math.max(inputs[0]?.shape.at(-1) ?? 1, outputs[0]?.shape.at(-2) ?? 1);
}

/** Between two measured widths on a line in their logarithms; beyond them the nearest. */
export function rateAt(list: readonly { width: number; rate: number }[], width: number): number {
  const above = list.findIndex((point) => point.width >= width);
  if (above === 0) return list[0]?.rate ?? Number.NaN;
  if (above < 0) return list.at(-1)?.rate ?? Number.NaN;
  const [a, b] = [list[above - 1], list[above]] as [{ width: number; rate: number }, { width: number; rate: number }];
  const share = Math.log(width / a.width) / Math.log(b.width / a.width);
  return a.rate * (b.rate / a.rate) ** share;
}

/**
 * Layers of the encoder are what `checkpointing` computes again: by the path of a step, asked for in the steps' order, the layer that
 * it is in. Each time that the encoder runs has segments of its own.
 */
function segmentsOf(layerPaths: readonly string[]): (path: readonly string[]) => string | undefined {
  let [last, runs] = ["", 0];
  return (path) => {
    const below = `${path.slice(1).join(".")}.`; // the first one is the root's own name
    const layer = layerPaths.find((own) => below.startsWith(`encoder.${own}.`));
    if (layer !== undefined && layer !== last) runs++;
    last = layer ?? "";
    return layer === undefined ? undefined : `${layer}#${runs}`;
  };
}

export interface RunMemory extends StepMemory {
  /** Parameters, buffers and the optimiser's state. */
  readonly stateBytes: number;
  /** All of it, with what the process and its decoding threads take. */
  readonly totalBytes: number;
}

/**
 * What the C heap holds beyond tensors, as a share of a step's peak: holes between blocks that come and go, and scratch of matrix
 * products. Resident memory less libraries, state and libtorch's own count was 0.23 of it for ViT-B/16 in batches of 16 and 0.40 for
 * ViT-Ti/4 in batches of 256 (bfloat16; the peaks of records/2026-11-22-bench).
 */
const heapShare = 0.3;

/** Numbers that an optimiser keeps for each parameter. */
const slots = { adamw: 2, sgd: 1, lars: 1, larc: 1 } as const;

/**
 * Predicts the memory of a run in bytes: process, state, a step's activations, pictures under way.
 * @param processBytes what the process takes before a model is built
 */
export function runMemory(run: RecordedRun, config: RunConfig, precision: Precision, processBytes: number): RunMemory {
  const { steps, parameters, size, trainable, layerPaths } = run;
  const accumulates = config.optim.accumulate > 1;
  const memory = stepMemory(steps, {
    precision,
    parameters,
    accumulates,
    ...(config.checkpointing ? { segmentOf: segmentsOf(layerPaths) } : {}),
  });
  const { imageSize, channels } = imageShape(config);
  const { batchSize } = config.data;
  const picture = channels * imageSize[0] * imageSize[1];
  const images = 4 * picture * (batchSize / config.optim.accumulate);
  const ring = 4 * picture * batchSize; // the loader's batches in bytes, four at a time
  const stateBytes = 4 * (size + slots[config.optim.name] * trainable);
  return {
    ...memory,
    stateBytes,
    totalBytes: processBytes + stateBytes + (1 + heapShare) * memory.peakBytes + images + ring,
  };
}

/** A change of the configuration that makes a run fit. */
export interface Remedy {
  readonly accumulate: number;
  readonly checkpointing: boolean;
  readonly totalBytes: number;
}

/**
 * The least change that brings a run below this number of bytes: micro-batches (where the method allows them), then activations
 * computed again, then both.
 */
export function whatWouldFit(
  config: RunConfig,
  precision: Precision,
  processBytes: number,
  limit = machineLimits().memoryBytes,
): Remedy | undefined {
  const { batchSize } = config.data;
  const isCoupled = methods.get(config.method.name).couplesBatch(config.method) !== undefined;
  const most = isCoupled ? 1 : 256;
  const parts = [1, 2, 4, 8, 16, 32, 64, 128, 256].filter(
    (n) => n >= config.optim.accumulate && n <= most && batchSize % n === 0,
  );
  for (const checkpointing of config.checkpointing ? [true] : [false, true]) {
    for (const accumulate of parts) {
      const changed = { ...config, checkpointing, optim: { ...config.optim, accumulate } };
      const { totalBytes } = runMemory(recordRun(changed, precision), changed, precision, processBytes);
      if (totalBytes <= limit) return { accumulate, checkpointing, totalBytes };
    }
  }
  return undefined;
}
