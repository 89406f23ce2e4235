/** Looks at an encoder's features while it is trained: how much of their space they use, and how well they classify. */
import type { Loader } from "../data/loader.js";
import { openSource, type Source } from "../data/source.js";
import { sharesText } from "../data/sources/labelled.js";
import { drawn, subsetOf } from "../data/sources/subset.js";
import { autocast, noGrad } from "../engine/modes.js";
import { scope } from "../engine/scope.js";
import { LacunaError } from "../errors.js";
import type { Method } from "../methods/method.js";
import type { PixelBatch } from "../train/batch.js";
import type { RunConfig } from "../train/config.js";
import type { Probe, Probed, ProbeSetting } from "../train/loop/probes.js";
import { plainLoader } from "../train/watch/held-out.js";
import { type Extracted, extractFeatures, type FeatureBatch, type LabelledFeatures } from "./features/extract.js";
import { featureSpread } from "./features/rank.js";
import { frozenProbe } from "./frozen-probe.js";
import { type KnnResult, knn } from "./probes/knn.js";
import { type LinearProbeResult, linearProbe, sharedPenalty } from "./probes/linear-probe.js";

/** Decoded pictures are kept between probes up to this number of bytes; a larger set is read again each time. */
const keptBytes = 64 * 2 ** 20;
/** At most; where the run takes fewer at once to save memory, so do its probes. */
const batchSize = 250;
/** Probed pictures are at most this share of those trained on, where the configuration does not say how often. */
const affordable = 0.05;
/** A probe's linear fit ends here at the latest: with its penalty nearly every one has converged, and the rest gain 0.1 points more. */
const iterations = 300;

/** Of a run whose `log.probe` asks for probes. */
type Setting = ProbeSetting & { readonly config: { readonly log: Pick<RunConfig["log"], "probe"> } };

/**
 * What a run's `log` asks for; hand it to a run: `pretrain(config, { probes: featureProbes })`, `finetune(config, { probes: featureProbes })`.
 * Of a supervised run: what `frozenProbe` measures. Of pre-training, by `log.probe`: before the first step and every so often, of whole
 * pictures without augmentation,
 * - `featureStd`: mean over dimensions of the standard deviation of unit features, times √D (1 = alike in all directions)
 * - `featureRank`: effective rank (RankMe), from 1 to the number of dimensions
 * - `knn`, `linear`: accuracies, where there are classes, with their means over the classes. Bank and queries share no picture;
 *   training has seen the bank's pictures, never their labels.
 * Where class shares differ between bank and queries the probe has a warning.
 */
export async function featureProbes(given: ProbeSetting): Promise<readonly Probe[]> {
  const { probe } = given.config.log;
  if (probe === undefined) return frozenProbe(given);
  if (probe.everyEpochs === 0) return [];
  const setting = given as Setting;
  const pictures = await choosePictures(setting);
  const used = (pictures.bank?.source.size ?? 0) + pictures.queries.source.size;
  const rare = Math.max(setting.config.epochs / 10, used / affordable / setting.source.size);
  const run: Probe["run"] = (method) => measure(method, pictures, setting);
  return [{ everyEpochs: probe.everyEpochs ?? rare, atStart: true, warnings: warningsOf(pictures), run }];
}

function warningsOf({ bank, queries }: Chosen): NonNullable<Probe["warnings"]> {
  const { classes = [], labels = [] } = bank?.source ?? {};
  const message = sharesText(classes, labels, queries.source.labels ?? [], " in the probes");
  return message === undefined ? [] : [{ code: "class-shares", message }];
}

/** Pictures that are probed, and their bytes once they were read. */
class Pictures {
  #kept: FeatureBatch[] | undefined;

  constructor(
    readonly source: Source,
    private readonly config: Setting["config"],
  ) {}

  async *batches(): AsyncGenerator<FeatureBatch, void> {
    if (this.#kept !== undefined) return yield* this.#kept;
    const { data, optim } = this.config;
    const atOnce = Math.min(batchSize, optim.accumulate > 1 ? data.batchSize / optim.accumulate : batchSize);
    await using loader: Loader = plainLoader(this.config, this.source, Math.min(atOnce, this.source.size));
    const seen: FeatureBatch[] = [];
    let bytes = 0;
    for await (const batch of loader.batches({ epoch: 0, batch: 0 }, { epoch: 1 })) {
      const image = batch.views["image"] as PixelBatch;
      bytes += image.data.length;
      if (bytes <= keptBytes) seen.push(copied(batch, image));
      else seen.length = 0;
      yield batch;
    }
    if (bytes <= keptBytes) this.#kept = seen;
  }
}

/** A loader's memory is used again. */
function copied({ samples, labels }: FeatureBatch, image: PixelBatch): FeatureBatch {
  return {
    views: { image: { ...image, data: image.data.slice() } },
    samples: samples.slice(),
    labels: labels?.slice(),
  };
}

interface Chosen {
  readonly queries: Pictures;
  /** Where there are classes. */
  readonly bank: Pictures | undefined;
}

/** Queries: `probe.test`, else the held-out pictures, else some of the run's own that the bank leaves out. */
async function choosePictures({ config, source, heldOut }: Setting): Promise<Chosen> {
  const { bank, queries, train, test } = config.log.probe;
  const own = train === undefined ? source : await openSource(train);
  const other = test === undefined ? heldOut : await openSource(test);
  const some = (chosen: Source, count: number): Pictures =>
    new Pictures(subsetOf(chosen, drawn(chosen.size, count)), config);
  if (other !== undefined) {
    checkClasses(own, other, train !== undefined || test !== undefined);
    return { queries: some(other, queries), bank: sameClasses(own, other) ? some(own, bank) : undefined };
  }
  if (own.classes === undefined || own.size < 4) return { queries: some(own, queries), bank: undefined };
  const lot = drawn(own.size, bank + queries);
  const asked = Math.max(1, Math.round((lot.length * queries) / (bank + queries)));
  return {
    queries: new Pictures(subsetOf(own, lot.slice(0, asked)), config),
    bank: new Pictures(subsetOf(own, lot.slice(asked)), config),
  };
}

function sameClasses(a: Source, b: Source): boolean {
  return a.classes !== undefined && a.classes.join("\n") === b.classes?.join("\n");
}

/** Someone who names pictures wants a number: where there can be none, it is said before the run begins. */
function checkClasses(own: Source, other: Source, named: boolean): void {
  if (!named || sameClasses(own, other)) return;
  const count = ({ classes }: Source): string => (classes === undefined ? "none" : `${classes.length}`);
  throw new LacunaError({
    problem: `probes need the same classes to classify by and to judge; there are ${count(own)} and ${count(other)}.`,
    code: "probe-classes",
    path: "log.probe",
    expected: own.classes,
    actual: other.classes,
    remedy: "Give log.probe.train and log.probe.test pictures of the same classes, or leave both out.",
  });
}

async function* measure(method: Method, { queries, bank }: Chosen, setting: Setting): AsyncGenerator<Probed, void> {
  method.setTraining(false);
  const asked = await featuresOf(method, queries, setting);
  try {
    if (!allFinite(asked)) return; // the loss will say it
    const { deviation, isotropicDeviation, effectiveRank } = featureSpread(asked.features);
    yield ["featureStd", deviation / isotropicDeviation];
    yield ["featureRank", effectiveRank];
    if (bank === undefined) return;
    const known = await featuresOf(method, bank, setting);
    try {
      if (allFinite(known)) yield* classified(known, asked, setting);
    } finally {
      known.features.dispose();
    }
  } finally {
    asked.features.dispose();
  }
}

function* classified(known: Extracted, asked: Extracted, { config }: Setting): Generator<Probed, void> {
  const { k, linear } = config.log.probe;
  const [train, test] = [known as LabelledFeatures, asked as LabelledFeatures];
  const told = (name: string, { accuracy, meanPerClass }: KnnResult | LinearProbeResult): Probed => [
    name,
    accuracy,
    { pictures: test.labels.length, meanPerClass },
  ];
  for (const nearest of knn(train, test, { k: [Math.min(k, train.labels.length)] })) yield told("knn", nearest);
  if (!linear) return;
  const l2 = [sharedPenalty(train.labels.length, train.features.side(1))]; // one for all probes, so that they compare
  yield told("linear", linearProbe(train, test, { l2, maxIterations: iterations }));
}

function allFinite({ features }: Extracted): boolean {
  return scope(() => noGrad(() => features.isFinite().all().item() === 1));
}

async function featuresOf(method: Method, pictures: Pictures, { config, precision }: Setting): Promise<Extracted> {
  const { mean, std } = config.data;
  return extractFeatures(
    (images) => autocast(precision, () => method.features(images), config.device),
    pictures.batches(),
    { mean, std, device: config.device },
  );
}
