import { CheckpointError } from "../../engine/errors.js";
import type { Method } from "../../methods/method.js";
import type { Encoder, Pool } from "../../models/encoder.js";
import { buildEncoder } from "../../models/index.js";
import type { ClassifierShape } from "../../models/published/layout.js";
import type { Published } from "../../models/published/open.js";
import { tensorSource } from "../../models/published/tensors.js";
import { loadState } from "../../models/weights.js";
import { LayerNorm } from "../../nn/layer-norm.js";
import { Rng } from "../../tensor/random.js";
import type { Tensor } from "../../tensor/tensor.js";
import { parseConfig, type RunConfig } from "../config.js";
import { settleMachine } from "../loop/environment.js";
import { imageShape, type Precision } from "../loop/task.js";
import { trainingOf } from "../pretrain.js";
import { type DecodingWishes, decodedAs } from "../reading.js";
import { type ForeignHints, openModelFile, wholeConfigFrom } from "./from-checkpoint.js";
import { loadInto } from "./load-into.js";
import { ownLayout } from "./own.js";

/** A run's configuration; without a method where the file holds none. */
export type LoadedConfig = Omit<RunConfig, "method"> & { readonly method?: RunConfig["method"] };

/** A trained model, read back from a run folder or a file. Close it. */
export interface LoadedModel extends Disposable {
  readonly config: LoadedConfig;
  /** Where the file holds all of it; undefined for an encoder alone, which cannot fill in pictures. */
  readonly method: Method | undefined;
  readonly encoder: Encoder;
  /** Where it is a classifier that averages tokens before its norm: the encoder has no norm of its own. */
  readonly pooledNorm: LayerNorm | undefined;
  /** The classifier on top of it, which `loadClassifier` reads. */
  readonly classifier: ClassifierShape | undefined;
  /** How its features are pooled. */
  readonly pool: Pool;
  readonly precision: Precision;
  /** What the file does not say and was assumed, in words; of a run of ours nothing. */
  readonly assumed: readonly string[];
  /** The checkpoint file, and the step at which it was written. */
  readonly path: string;
  readonly step: number;
  /** image [B C H W] -> the features that are embedded and judged [B D]; of a classifier what its head is given */
  features(image: Tensor): Tensor;
  close(): void;
}

/** A model with the method that it was trained by. */
export interface LoadedMethod extends LoadedModel {
  readonly config: RunConfig;
  readonly method: Method;
}

/** Where a model is loaded to, how its features are pooled, and what somebody else's file leaves open. */
export interface LoadOptions extends ForeignHints, DecodingWishes {
  readonly device?: string | undefined;
  /** How features are pooled; as the method or the classifier does, or else the encoder's usual way. */
  readonly pool?: Pool | undefined;
}

/**
 * Reads a run's newest good checkpoint, a checkpoint file, or a model in any other layout that is read. Of a classifier its
 * encoder, and what stands between that and the head. @throws CheckpointError, FormatError
 */
export function loadModel(path: string, { device, pool, jpeg, colour, ...hints }: LoadOptions = {}): LoadedModel {
  using published = openModelFile(path, hints);
  return modelOf(published, { device, pool, jpeg, colour });
}

/** The model of a file that is open already. */
export function modelOf(
  published: Published,
  { device, pool, jpeg, colour }: Omit<LoadOptions, keyof ForeignHints>,
): LoadedModel {
  const { method: given, ...config } = configOf(published, device, { jpeg, colour });
  const { precision } = settleMachine(config as RunConfig);
  const method = published.method && trainingOf({ ...config, method: given } as RunConfig).method;
  const encoder = method?.outcome ?? buildEncoder(config.model, imageShape(config));
  const pooledNorm = published.tensors.has("fc_norm.weight") ? new LayerNorm(encoder.width) : undefined;
  const parts = [method ?? encoder, ...(pooledNorm === undefined ? [] : [pooledNorm])];
  const close = (): void => {
    for (const part of parts) part.close();
  };
  try {
    fill(published, { method, encoder, pooledNorm }, config.seed);
    for (const part of parts) part.setTraining(false);
    const pooled = choosePool(encoder, pool ?? published.pool ?? method?.pool ?? published.classifier?.pool, pool);
    return {
      config: method === undefined ? config : { ...config, method: given },
      method,
      encoder,
      pooledNorm,
      classifier: published.classifier,
      pool: pooled,
      precision,
      assumed: [...published.assumed, ...poolNote(published, encoder, pool)],
      path: published.path,
      step: published.step ?? 0,
      features: (image) => {
        const mean = pooledNorm === undefined ? undefined : encoder.unnormed?.(image); // [B D]
        return mean === undefined ? encoder.features(image, pooled) : (pooledNorm as LayerNorm).call(mean);
      },
      close,
      [Symbol.dispose]: close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

/**
 * The same model, known to have its method.
 * @throws CheckpointError for an encoder without a method, which cannot fill in pictures
 */
export function withMethod(model: LoadedModel): LoadedMethod {
  if (model.method !== undefined) return model as LoadedMethod;
  throw new CheckpointError({
    problem: "it holds an encoder alone, and no method that fills in pictures.",
    code: "decoder",
    path: model.path,
    expected: "a model with its decoder, which fills in pictures",
    actual: "an encoder alone",
    remedy: "Use a run of lacuna pretrain, or the checkpoint of the whole pre-training.",
  });
}

/** The same encoder as the seed initialises it. Close it. @param pool how its features are pooled, if not as the method does */
export function untrainedModel(config: LoadedConfig, pool?: Pool): Pick<LoadedModel, "encoder" | "features" | "close"> {
  const { method } = config;
  const built = method === undefined ? undefined : trainingOf({ ...config, method } as RunConfig).method;
  const part = built ?? buildEncoder(config.model, imageShape(config));
  part.initialize(new Rng(config.seed, "init")); // as the trainer does: the encoder's share of it is the same
  part.setTraining(false);
  const encoder = built?.outcome ?? (part as Encoder);
  const features = (image: Tensor): Tensor =>
    pool === undefined ? part.features(image) : encoder.features(image, pool);
  return { encoder, features, close: () => part.close() };
}

function configOf(published: Published, device: string | undefined, wishes: DecodingWishes): RunConfig {
  const said = configSaid(published);
  const asked = device === undefined ? {} : { device };
  return parseConfig({ ...said, ...asked, data: decodedAs(said.data, wishes) });
}

/** A run's own configuration, or what follows from the file. */
function configSaid(published: Published): Pick<RunConfig, "data"> {
  const own = published.config as { task?: string } | undefined;
  if (own !== undefined && own.task === undefined) return own as unknown as RunConfig;
  if (own === undefined) {
    const { task: _, pool: __, classes: ___, ...whole } = wholeConfigFrom(published);
    return whole as unknown as RunConfig;
  }
  const { model, seed, data, precision } = own as Partial<RunConfig>;
  const { labels: _, ...pictures } = data as RunConfig["data"] & { labels?: unknown };
  const said = { ...(seed !== undefined && { seed }), ...(precision !== undefined && { precision }) };
  return { model, data: pictures, ...said } as RunConfig;
}

interface Parts {
  readonly method: Method | undefined;
  readonly encoder: Encoder;
  readonly pooledNorm: LayerNorm | undefined;
}

function fill(published: Published, { method, encoder, pooledNorm }: Parts, seed: number): void {
  const isPartial = published.optional?.some((name) => !published.tensors.has(name)) === true;
  if (isPartial) (method ?? encoder).initialize(new Rng(seed, "init")); // a norm that the file has none of is the identity
  loadInto((method ?? encoder).state(), encoder, published, { positions: "resize" });
  if (pooledNorm === undefined) return;
  const isNorm = (name: string): boolean => name.startsWith("fc_norm.");
  loadState(pooledNorm.state("fc_norm."), tensorSource(published.tensors, published.path, isNorm));
}

function choosePool(encoder: Encoder, wanted: Pool | undefined, asked: Pool | undefined): Pool {
  const [usual] = encoder.pools;
  if (wanted === undefined || encoder.pools.includes(wanted)) return wanted ?? usual;
  if (asked === undefined) return usual;
  throw new CheckpointError({
    problem: `its encoder has no ${asked} to pool by.`,
    code: "pool",
    path: "--pool",
    expected: encoder.pools,
    actual: asked,
  });
}

/** Where an encoder has several poolings, and the file does not say which is meant. */
function poolNote(published: Published, encoder: Encoder, asked: Pool | undefined): string[] {
  const isTold = published.layout === ownLayout || published.tensors.has("fc_norm.weight") || asked !== undefined;
  const [usual, other] = encoder.pools;
  if (isTold || other === undefined) return [];
  const words = { mean: "the mean of the patch tokens", class: "the class token" } as const;
  const [own, else_] =
    published.pool === "class" || published.classifier?.pool === "class" ? [other, usual] : [usual, other];
  return [`features are ${words[own]} (--pool=${else_} takes ${words[else_]})`];
}
