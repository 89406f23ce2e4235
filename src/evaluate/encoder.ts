/** k-NN and linear probe of an encoder, beside the same of raw pixels and of the encoder before training. */
import type { Source } from "../data/source.js";
import { autocast } from "../engine/modes.js";
import { scope } from "../engine/scope.js";
import { ConfigError } from "../errors.js";
import { blockEncoder } from "../models/encoder.js";
import { type Gain, pairedGain } from "../runs/summary.js";
import { cat } from "../tensor/creation.js";
import type { Tensor } from "../tensor/tensor.js";
import { type LoadedConfig, type LoadedModel, untrainedModel } from "../train/checkpoints/load.js";
import type { Precision } from "../train/loop/task.js";
import { plainLoader } from "../train/watch/held-out.js";
import { extractFeatures, type LabelledFeatures } from "./features/extract.js";
import { pixelFeatures } from "./features/pixels.js";
import { type KnnResult, knn } from "./probes/knn.js";
import { type LinearProbeResult, linearProbe } from "./probes/linear-probe.js";

/** What classifies on frozen features: the nearest neighbours, or a linear probe. */
export type Measure = "knn" | "linear";

/** Accuracies of one encoder, from 0 to 1. */
export interface Measured {
  readonly name: string;
  /** Numbers in a feature vector. */
  readonly dimensions: number;
  readonly knn?: number;
  readonly linear?: number;
  /** The same as means over the classes. */
  readonly meanPerClass: Partial<Readonly<Record<Measure, number>>>;
  /** That were judged. */
  readonly pictures: number;
  /** Of each judged picture 1 where it was found, else 0. */
  readonly right: Partial<Readonly<Record<Measure, Uint8Array>>>;
  /** Of the linear probe: what was chosen, and at which end of what was tried it stands while accuracy still rises. */
  readonly penalty?: number;
  readonly penaltyEdge?: "strongest" | "weakest";
  readonly seconds: number;
}

/** How far a measurement is. */
export type MeasureProgress =
  | {
      readonly stage: "features";
      readonly encoder: string;
      readonly side: "train" | "test";
      /** Pictures. */
      readonly done: number;
      readonly total: number;
    }
  | { readonly stage: "classify"; readonly encoder: string; readonly measures: readonly Measure[]; readonly k: number };

/** How far the features of one side are. */
export type FeaturesProgress = Extract<MeasureProgress, { readonly stage: "features" }>;

/** How pictures become features: all but the encoder. */
export interface FeatureSetting {
  /** Size, channels and normalisation of the pictures; the device. */
  readonly config: LoadedConfig;
  readonly train: Source;
  readonly test: Source;
  /** Of the encoder's matrix products; float32 unless said. Features are float32 always. */
  readonly precision?: Precision;
  readonly onProgress?: (progress: MeasureProgress) => void;
  /** Aborted: ends at the next batch of pictures, by its reason. */
  readonly signal?: AbortSignal;
}

/** How an encoder is judged: its pictures, and the measures that are taken. */
export interface MeasureSetting extends FeatureSetting {
  /** Both unless said. */
  readonly measures?: readonly Measure[];
  /** Neighbours that vote; 20 unless said, or as many as there are. */
  readonly k?: number;
}

/** images [B C H W] -> features [B D], in evaluation mode */
export type Encode = (images: Tensor) => Tensor;

/** What encodes, by its name. */
export interface NamedEncoder {
  readonly name: string;
  readonly encode: Encode;
}

/**
 * The model's encoder (the last row) beside raw pixels and itself before training. Features are of whole pictures, without
 * augmentation; the probe is the exact one of `linearProbe`.
 * @param setting labelled pictures, as `openTrainTest` gives them @throws StateError for features that are not finite
 */
export async function evaluateEncoder(
  model: LoadedModel,
  setting: Omit<MeasureSetting, "config">,
): Promise<Measured[]> {
  const whole = { ...setting, config: model.config };
  return eachEncoder(model, (encoder) => measureEncoder(encoder, whole));
}

/** Calls `body` with raw pixels, with the encoder before training and with the model's own, one after the other. */
export async function eachEncoder<T>(model: LoadedModel, body: (encoder: NamedEncoder) => Promise<T>): Promise<T[]> {
  const own = { name: `after ${model.step.toLocaleString("en-US")} steps`, encode: (x: Tensor) => model.features(x) };
  return [await body(rawPixels), await withUntrained(model.config, body, model.pool), await body(own)];
}

/** Raw pixels, normalised as for the encoder. */
export const rawPixels: NamedEncoder = { name: "raw pixels", encode: (images) => pixelFeatures(images) };

/** Lends out the encoder as the run's seed initialises it. @param pool how its features are pooled */
export async function withUntrained<T>(
  config: LoadedConfig,
  body: (encoder: NamedEncoder) => Promise<T>,
  pool?: LoadedModel["pool"],
): Promise<T> {
  const untrained = untrainedModel(config, pool);
  try {
    return await body({ name: "before training", encode: (images) => untrained.features(images) });
  } finally {
    untrained.close();
  }
}

/** What classifies on the features of one encoder. */
export async function measureEncoder(encoder: NamedEncoder, setting: MeasureSetting): Promise<Measured> {
  const began = performance.now();
  return withFeatures(encoder, setting, (features) => measureFeatures(encoder.name, features, setting, began));
}

/**
 * What classifies on the features behind every block of a model but the last, whose features are the model's own; all of them from one pass
 * over the pictures. @throws ConfigError for an encoder whose layers are not of one kind
 */
export async function evaluateBlocks(model: LoadedModel, given: Omit<MeasureSetting, "config">): Promise<Measured[]> {
  const { config, encoder, pool } = model;
  if (!blockEncoder.is(encoder)) {
    const data = { expected: blockEncoder.what, actual: encoder.constructor.name };
    throw new ConfigError({ code: "encoder", path: "model.name", ...data, remedy: "Take a run of a ViT." });
  }
  const setting = { ...given, config };
  const before = (images: Tensor): readonly Tensor[] => encoder.blockFeatures(images, pool).slice(0, -1); // [B D] each
  if (encoder.depth < 2) return [];
  const all = { name: "every block", encode: (images: Tensor) => cat(before(images), 1) }; // [B (L−1)·D]
  return withFeatures(all, setting, ({ train, test }) =>
    Array.from({ length: encoder.depth - 1 }, (_, i) =>
      scope(() => {
        const of = ({ features, labels }: LabelledFeatures): LabelledFeatures => ({
          features: features.slice(1, i * encoder.width, (i + 1) * encoder.width).contiguous(),
          labels,
        });
        return measureFeatures(`behind block ${i + 1}`, { train: of(train), test: of(test) }, setting);
      }),
    ),
  );
}

/** @param began when the work on these features did, in milliseconds */
function measureFeatures(
  name: string,
  { train, test }: { readonly train: LabelledFeatures; readonly test: LabelledFeatures },
  { measures = ["knn", "linear"], k: most = 20, onProgress }: MeasureSetting,
  began = performance.now(),
): Measured {
  const k = Math.min(most, train.labels.length);
  onProgress?.({ stage: "classify", encoder: name, measures, k });
  const near = measures.includes("knn") ? knn(train, test, { k: [k] })[0] : undefined;
  const linear = measures.includes("linear") ? linearProbe(train, test) : undefined;
  return {
    name,
    dimensions: train.features.side(1),
    ...(near === undefined ? {} : { knn: near.accuracy }),
    ...(linear === undefined ? {} : probed(linear)),
    ...judged({ knn: near, linear }, test.labels),
    seconds: (performance.now() - began) / 1000,
  };
}

function judged(
  found: Readonly<Record<Measure, KnnResult | LinearProbeResult | undefined>>,
  labels: Int32Array,
): Pick<Measured, "meanPerClass" | "pictures" | "right"> {
  const each = <T>(of: (result: KnnResult | LinearProbeResult) => T): Partial<Record<Measure, T>> =>
    Object.fromEntries(Object.entries(found).flatMap(([which, result]) => (result ? [[which, of(result)]] : [])));
  return {
    meanPerClass: each(({ meanPerClass }) => meanPerClass),
    pictures: labels.length,
    right: each(({ predictions }) => Uint8Array.from(predictions, (found, i) => (found === labels[i] ? 1 : 0))),
  };
}

function probed({ accuracy, l2, edge }: LinearProbeResult): Partial<Measured> {
  return { linear: accuracy, penalty: l2, ...(edge === undefined ? {} : { penaltyEdge: edge }) };
}

/** What `after` gained on `before`, both measured on the same pictures, in shares: 0.05 for five points. */
export function gainOf(before: Measured, after: Measured, which: Measure): Gain {
  return pairedGain(before.right[which] ?? new Uint8Array(), after.right[which] ?? new Uint8Array());
}

/** Lends out the features of both sides, in float32. */
export async function withFeatures<T>(
  encoder: NamedEncoder,
  setting: FeatureSetting,
  body: (features: { readonly train: LabelledFeatures; readonly test: LabelledFeatures }) => T,
): Promise<T> {
  const train = await featuresOf(encoder, setting, "train");
  try {
    const test = await featuresOf(encoder, setting, "test");
    try {
      return body({ train, test });
    } finally {
      test.features.dispose();
    }
  } finally {
    train.features.dispose();
  }
}

/** The features of one side, in float32; the caller's to dispose. */
export async function featuresOf(
  { name, encode }: NamedEncoder,
  setting: Omit<FeatureSetting, "onProgress"> & { readonly onProgress?: (progress: FeaturesProgress) => void },
  side: "train" | "test",
): Promise<LabelledFeatures> {
  const { config, precision = "float32", signal, onProgress } = setting;
  const source = setting[side];
  await using loader = plainLoader(config, source, Math.min(250, source.size));
  const batches = loader.batches({ epoch: 0, batch: 0 }, { epoch: 1 });
  const { mean, std } = config.data;
  let done = 0;
  const inPrecision: Encode = (images) => {
    signal?.throwIfAborted();
    onProgress?.({ stage: "features", encoder: name, side, done, total: source.size });
    done += images.side(0);
    return autocast(precision, () => encode(images), config.device);
  };
  const { features, labels } = await extractFeatures(inPrecision, batches, { mean, std, device: config.device });
  return { features, labels: labels ?? new Int32Array() };
}
