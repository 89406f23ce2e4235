/** k-NN and linear probe of an encoder, beside the same of raw pixels and of the encoder before training. */
import type { KnnResult, LabelledFeatures, LinearProbeResult, LoadedConfig, Source, Tensor } from "../../index.js";
import type { Live } from "../report.js";
import { whole } from "../words.js";

export type Measure = "knn" | "linear";

/** A row of the result; accuracies from 0 to 1. */
export interface Measured {
  readonly name: string;
  readonly dimensions: number;
  readonly knn?: number;
  readonly linear?: number;
  /** The same as means over the classes. */
  readonly meanPerClass: Partial<Readonly<Record<Measure, number>>>;
  /** That were judged. */
  readonly pictures: number;
  /** Of each judged picture 1 where it was found, else 0; not for JSON. */
  readonly right?: Partial<Readonly<Record<Measure, Uint8Array>>>;
  /** Of the linear probe: what was chosen, and at which end of what was tried it stands while accuracy still rises. */
  readonly penalty?: number;
  readonly penaltyEdge?: "strongest" | "weakest";
  readonly seconds: number;
}

export interface EvaluationSetting {
  readonly config: LoadedConfig;
  readonly train: Source;
  readonly test: Source;
  readonly measures: readonly Measure[];
  /** Neighbours that vote. */
  readonly k: number;
  /** Of the encoder's matrix products; float32 unless said. Features are float32 always. */
  readonly precision?: "float32" | "bfloat16";
  /** Told how far it is. */
  readonly live?: Pick<Live, "begin" | "update">;
  /** Aborted: ends at the next batch of pictures, by its reason. */
  readonly signal?: AbortSignal;
}

/** images [B C H W] -> features [B D], in evaluation mode */
export type Encode = (images: Tensor) => Tensor;

/** Features in float32 of whole pictures, without augmentation, and what classifies on them. */
export async function measure(name: string, encode: Encode, setting: EvaluationSetting): Promise<Measured> {
  const { knn, linearProbe } = await import("../../index.js");
  const began = performance.now();
  const train = await featuresOf(encode, setting, setting.train, `${name}: features to learn from`);
  try {
    const test = await featuresOf(encode, setting, setting.test, `${name}: features to judge`);
    try {
      const { measures, k, live } = setting;
      const neighbours = Math.min(k, train.labels.length);
      live?.begin(
        `${name}: ${measures.map((which) => (which === "knn" ? `${neighbours}-NN` : "linear probe")).join(", ")} …`,
      );
      const near = measures.includes("knn") ? knn(train, test, { k: [neighbours] })[0] : undefined;
      const linear = measures.includes("linear") ? linearProbe(train, test) : undefined;
      return {
        name,
        dimensions: train.features.side(1),
        ...(near === undefined ? {} : { knn: near.accuracy }),
        ...(linear === undefined ? {} : linearOf(linear)),
        ...judged({ knn: near, linear }, test.labels),
        seconds: (performance.now() - began) / 1000,
      };
    } finally {
      test.features.dispose();
    }
  } finally {
    train.features.dispose();
  }
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

function linearOf({ accuracy, l2, edge }: LinearProbeResult): Partial<Measured> {
  return { linear: accuracy, penalty: l2, ...(edge === undefined ? {} : { penaltyEdge: edge }) };
}

/** Features in float32 of all pictures of a source; the caller's to dispose. @param what they are, for the line of progress */
export async function featuresOf(
  encode: Encode,
  setting: EvaluationSetting,
  source: Source,
  what = "features",
): Promise<LabelledFeatures> {
  const { autocast, extractFeatures, plainLoader } = await import("../../index.js");
  const { config, precision = "float32", signal } = setting;
  const { mean, std } = config.data;
  await using loader = plainLoader(config, source, Math.min(250, source.size));
  const batches = loader.batches({ epoch: 0, batch: 0 }, { epoch: 1 });
  const options = { mean, std, device: config.device };
  let seen = 0;
  const inPrecision: Encode = (images) => {
    signal?.throwIfAborted();
    setting.live?.update(seen / source.size, `${what}: ${whole(seen)} of ${whole(source.size)} pictures`);
    seen += images.side(0);
    return autocast(precision, () => encode(images), config.device);
  };
  const { features, labels } = await extractFeatures(inPrecision, batches, options);
  return { features, labels: labels ?? new Int32Array() };
}

/** Raw pixels, normalised as for the encoder. */
export async function measurePixels(setting: EvaluationSetting): Promise<Measured> {
  const { pixelFeatures } = await import("../../index.js");
  return measure("raw pixels", (images) => pixelFeatures(images), setting);
}

/** The encoder as the run's seed initialises it. */
export async function measureUntrained(setting: EvaluationSetting): Promise<Measured> {
  return withUntrained(setting, (encode) => measure("before training", encode, setting));
}

/** Lends out the encoder as the run's seed initialises it. */
export async function withUntrained<T>(
  { config }: Pick<EvaluationSetting, "config">,
  body: (encode: Encode) => Promise<T>,
): Promise<T> {
  const { untrainedModel } = await import("../../index.js");
  const untrained = untrainedModel(config);
  try {
    return await body((images) => untrained.features(images));
  } finally {
    untrained.close();
  }
}

/** Rows without what is not for JSON. */
export function plainRows(rows: readonly Measured[]): Omit<Measured, "right">[] {
  return rows.map(({ right: _, ...row }) => row);
}
