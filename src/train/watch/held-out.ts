import { type Loader, openLoader } from "../../data/loader.js";
import { openSource, type Source } from "../../data/source.js";
import { meanPerClass } from "../../data/sources/labelled.js";
import type { Transform, ViewSpec } from "../../data/views.js";
import { packRight } from "../../runs/frozen.js";
import { imageShape, type LoopConfig, type Measures } from "../loop/task.js";
import { type Reading, readingOptions } from "../reading.js";
import type { Trainer } from "../trainer.js";

/** Pictures that are never trained on, and what is measured on them: no augmentation, masks that never change. */
export class HeldOut {
  private constructor(
    readonly source: Source,
    private readonly config: LoopConfig,
    private readonly views: Readonly<Record<string, ViewSpec>>,
  ) {}

  /** Undefined where the run has no held-out part. @param complete adds what the run needs of its pictures */
  static async open(
    config: LoopConfig,
    views: Readonly<Record<string, ViewSpec>>,
    complete: (source: Source) => Source = (source) => source,
  ): Promise<HeldOut | undefined> {
    const { heldOut } = config.data;
    return heldOut === undefined ? undefined : new HeldOut(complete(await openSource(heldOut)), config, views);
  }

  /** Means over some `log.heldOutPictures` pictures, and what a classifier had right. */
  async measure(trainer: Pick<Trainer, "evaluate">): Promise<HeldOutMeasures> {
    const { size, judged } = judgedPictures(this.config, this.source);
    const loader = inOrder(this.config, this.source, size, this.views);
    const sums: Record<string, number> = {};
    const [found, truth]: [number[], number[]] = [[], []];
    let seen = 0;
    try {
      for await (const { samples: ids, labels, captions, views } of loader.batches(
        { epoch: 0, batch: 0 },
        { epoch: 1 },
      )) {
        const samples = Array.from(ids);
        const { means, predictions } = trainer.evaluate({ epoch: 0, samples, labels, captions, views });
        for (const [name, value] of Object.entries(means)) sums[name] = (sums[name] ?? 0) + value * samples.length;
        found.push(...predictions);
        truth.push(...(labels ?? []));
        seen += samples.length;
        if (seen >= judged) break;
      }
    } finally {
      await loader.close();
    }
    const means = Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, sum / seen]));
    if (found.length === 0) return { means: { loss: Number.NaN, ...means }, pictures: seen };
    const perClass = { meanPerClass: meanPerClass(found, truth) };
    return {
      means: { loss: Number.NaN, ...means, ...perClass },
      pictures: seen,
      right: packRight(found.map((label, i) => label === truth[i])),
      neverRight: neverRight(found, truth),
    };
  }
}

/** What is measured on held-out pictures; of a classifier also which of them are right, and how many classes never are. */
export interface HeldOutMeasures {
  readonly means: Measures;
  readonly pictures: number;
  readonly right?: string;
  readonly neverRight?: { readonly classes: number; readonly of: number };
}

/** How many pictures are judged: the first ones, in whole batches of `size`, that are at least `log.heldOutPictures`. */
export function judgedPictures(
  { log, data }: Pick<LoopConfig, "log" | "data">,
  source: Pick<Source, "size">,
): { readonly size: number; readonly judged: number } {
  const limit = Math.min(source.size, log.heldOutPictures ?? source.size);
  const size = Math.min(limit, data.batchSize);
  return { size, judged: Math.min(source.size, Math.ceil(limit / size) * size) };
}

function neverRight(found: readonly number[], truth: readonly number[]): { classes: number; of: number } {
  const judged = new Set(truth);
  const right = new Set(truth.filter((label, i) => label === found[i]));
  return { classes: judged.size - right.size, of: judged.size };
}

/** The middle of every picture, in order, without augmentation. @param view how it is cut out, if not as usual */
export function plainLoader(
  config: Pick<LoopConfig, "data" | "seed">,
  source: Source,
  batchSize: number,
  view: Transform = middle(config),
): Loader {
  return inOrder(config, source, batchSize, { image: view });
}

/** Every picture once, in the source's order, through views of its own. */
export function inOrder(
  reading: Reading,
  source: Source,
  batchSize: number,
  views: Readonly<Record<string, ViewSpec>>,
): Loader {
  return openLoader(source, { ...readingOptions(reading, source), views, batchSize, shuffle: false, dropLast: false });
}

/** How pictures are cut out where nothing is random: the shorter side to the size, then the middle. */
export function middle(config: Pick<LoopConfig, "data">): Transform {
  const { imageSize } = imageShape(config);
  return [
    { type: "resize", size: Math.max(...imageSize) },
    { type: "centerCrop", size: imageSize },
  ];
}
