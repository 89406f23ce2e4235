/**
 * Pictures and texts in one space: classes by what is said of them (zero-shot; CLIP, section 3.1.4) and captions found by pictures and
 * the other way round (retrieval).
 */
import { DataError } from "../data/errors.js";
import type { Source } from "../data/source.js";
import { withCaptions } from "../data/sources/lists/captions.js";
import { CheckpointError } from "../engine/errors.js";
import { autocast, noGrad } from "../engine/modes.js";
import { scope } from "../engine/scope.js";
import { methods } from "../methods/index.js";
import type { Method, ReadText } from "../methods/method.js";
import { arange, cat, stack } from "../tensor/creation.js";
import { normalize } from "../tensor/functional.js";
import type { Tensor } from "../tensor/tensor.js";
import { textTensor } from "../train/batch.js";
import type { LoadedModel } from "../train/checkpoints/load.js";
import { plainLoader } from "../train/watch/held-out.js";
import { type Scores, scoresOf } from "./classifier/scores.js";
import { type Extracted, extractFeatures } from "./features/extract.js";

/** FLIP's seven sentences about a class (section 4.1); {} is its name. */
export const flipTemplates = [
  "itap of a {}.",
  "a bad photo of the {}.",
  "a origami {}.",
  "a photo of the large {}.",
  "a {} in a video game.",
  "art of the {}.",
  "a photo of the small {}.",
] as const;

/** Texts or pictures that are encoded at once. */
const batchSize = 64;

/** A model that has a space of pictures and texts. */
interface Paired {
  readonly model: LoadedModel;
  readonly method: Method & Required<Pick<Method, "embedImage" | "embedText">>;
  readonly readText: ReadText;
}

/** What can be said of classes. */
export interface ZeroShotOptions {
  /** Sentences with {} in place of a class's name; `flipTemplates` if absent. */
  readonly templates?: readonly string[];
}

/**
 * Classifies pictures by the nearest class: the mean of the unit vectors of all sentences about it, a unit vector again.
 * @throws CheckpointError "no-texts" for a model that reads no texts, DataError "no-classes" for pictures without classes
 */
export async function zeroShot(
  model: LoadedModel,
  source: Source,
  { templates = flipTemplates }: ZeroShotOptions = {},
): Promise<Scores> {
  const paired = pairedOf(model);
  const { classes, labels } = source;
  if (classes === undefined || labels === undefined) {
    const remedy = "Put the pictures of each class into a folder of its own.";
    throw new DataError({ code: "no-classes", path: "the pictures", expected: "classes", actual: "none", remedy });
  }
  const { features, samples } = await picturesOf(paired, source);
  const values = scope(() =>
    noGrad(() => {
      const named = stack(classes.map((name) => classVector(paired, name, templates))); // [K D]
      return features.matmul(named.transpose(0, 1)).mul(100).softmax(-1).toDevice("cpu").toArray() as Float32Array; // [N K]
    }),
  );
  features.dispose();
  const known = Array.from(samples, (sample, row) => ({ row, label: labels[sample] as number })).filter(
    ({ label }) => label >= 0,
  );
  const K = classes.length;
  const judged = Float32Array.from(known.flatMap(({ row }) => Array.from(values.subarray(row * K, (row + 1) * K))));
  return scoresOf(
    judged,
    known.map(({ label }) => label),
    K,
  );
}

function classVector(paired: Paired, name: string, templates: readonly string[]): Tensor {
  const shown = name.replaceAll(/[_-]+/g, " ");
  const texts = templates.map((template) => template.replace("{}", shown));
  return normalize(textsOf(paired, texts).mean([0])); // [D]
}

/** Shares of the queries whose own partner is among the k nearest. */
export interface Recall {
  readonly k: number;
  readonly imageToText: number;
  readonly textToImage: number;
  /** Pairs among which is searched. */
  readonly pairs: number;
}

/**
 * How often a picture finds its caption among all captions, and a caption its picture, within the k nearest.
 * @throws CheckpointError "no-texts", DataError "no-captions" for pictures without texts
 */
export async function retrieval(
  model: LoadedModel,
  given: Source,
  ks: readonly number[] = [1, 5, 10],
): Promise<Recall[]> {
  const paired = pairedOf(model);
  const source = given.captions === undefined ? undefined : withCaptions(given);
  if (source === undefined || source.size === 0) {
    const remedy =
      "Write a table (.csv, .tsv, .jsonl) with the columns path and caption, or tar archives with a .txt beside each picture.";
    throw new DataError({ code: "no-captions", path: "the pictures", expected: "captions", actual: "none", remedy });
  }
  const { features, samples } = await picturesOf(paired, source);
  const ranks = scope(() =>
    noGrad(() => {
      const texts = textsOf(
        paired,
        Array.from(samples, (sample) => source.captions[sample] as string),
      ); // [N D]
      const cosines = features.matmul(texts.transpose(0, 1)); // [N N]
      return { imageToText: ranksOf(cosines), textToImage: ranksOf(cosines.transpose(0, 1)) };
    }),
  );
  features.dispose();
  const within = (own: readonly number[], k: number): number => own.filter((rank) => rank < k).length / own.length;
  return ks.map((k) => ({
    k,
    imageToText: within(ranks.imageToText, k),
    textToImage: within(ranks.textToImage, k),
    pairs: samples.length,
  }));
}

/** cosines [N N] -> how many columns are nearer to each row than its own, which is on the diagonal */
function ranksOf(cosines: Tensor): number[] {
  const N = cosines.side(0);
  const own = cosines.gather(1, arange(0, N, 1, { dtype: "int64", device: cosines.device }).unsqueeze(1)); // [N 1]
  return cosines.gt(own).float().sum([1]).toNumbers();
}

/** @throws CheckpointError for a model that has no space of pictures and texts */
function pairedOf(model: LoadedModel): Paired {
  const { method, config } = model;
  const readText = config.method && methods.get(config.method.name).readText(config.method);
  if (method?.embedImage !== undefined && method.embedText !== undefined && readText !== undefined)
    return { model, method: method as Paired["method"], readText };
  throw new CheckpointError({
    problem: "it has learned from no texts, so that a class cannot be found by its name.",
    code: "no-texts",
    path: model.path,
    expected: "a run of a method that learns from captions",
    actual: config.method?.name ?? "an encoder alone",
    remedy:
      "Train one: lacuna pretrain captions.csv --method.name=flip. Other models classify by labelled pictures: lacuna predict --labels.",
  });
}

/** Unit vectors of all pictures that can be read [N D]; the caller's to dispose. */
async function picturesOf({ model, method }: Paired, source: Source): Promise<Extracted> {
  const { config, precision } = model;
  const loader = plainLoader(config, source, batchSize);
  const { mean, std } = config.data;
  const embed = (images: Tensor): Tensor => autocast(precision, () => method.embedImage(images), config.device);
  try {
    return await extractFeatures(embed, loader.batches({ epoch: 0, batch: 0 }, { epoch: 1 }), {
      ...{ mean, std, device: config.device },
    });
  } finally {
    await loader.close();
  }
}

/** Unit vectors of texts [N D] */
function textsOf({ model: { config, precision }, method, readText }: Paired, texts: readonly string[]): Tensor {
  const starts = Array.from({ length: Math.ceil(texts.length / batchSize) }, (_, i) => i * batchSize);
  return cat(
    starts.map((start) => {
      const numbers = textTensor(texts.slice(start, start + batchSize), readText).toDevice(config.device); // [B T]
      return autocast(precision, () => method.embedText(numbers), config.device).float(); // [B D]
    }),
  );
}
