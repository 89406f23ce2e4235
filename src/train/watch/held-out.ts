import { defaultWorkers, type Loader, openLoader } from "../../data/loader.js";
import { openSource, type Source } from "../../data/source.js";
import type { Transform } from "../../data/views.js";
import { machineLimits } from "../../engine/limits.js";
import type { RunConfig } from "../config.js";
import { imageShape, type Trainer } from "../trainer.js";

/** Pictures that are never trained on, and the loss on them: no augmentation, masks that never change. */
export class HeldOut {
  private constructor(
    readonly source: Source,
    private readonly config: RunConfig,
  ) {}

  /** Undefined where the run has no held-out part. */
  static async open(config: RunConfig): Promise<HeldOut | undefined> {
    const { heldOut } = config.data;
    return heldOut === undefined ? undefined : new HeldOut(await openSource(heldOut), config);
  }

  /** Mean loss over at most `log.heldOutPictures` pictures. */
  async loss(trainer: Trainer): Promise<number> {
    const limit = Math.min(this.source.size, this.config.log.heldOutPictures);
    const loader = plainLoader(this.config, this.source, Math.min(limit, this.config.data.batchSize));
    let [sum, seen] = [0, 0];
    try {
      for await (const batch of loader.batches({ epoch: 0, batch: 0 }, { epoch: 1 })) {
        const samples = Array.from(batch.samples);
        sum += trainer.evaluate({ epoch: 0, samples, views: batch.views }) * samples.length;
        seen += samples.length;
        if (seen >= limit) break;
      }
    } finally {
      await loader.close();
    }
    return sum / seen;
  }
}

/** The middle of every picture, in order, without augmentation. */
export function plainLoader(config: Pick<RunConfig, "data" | "seed">, source: Source, batchSize: number): Loader {
  const { imageSize } = imageShape(config);
  const view: Transform = [
    { type: "resize", size: Math.max(...imageSize) },
    { type: "centerCrop", size: imageSize },
  ];
  const { channels, maxPixels, maxBadShare } = config.data;
  const workers = config.data.workers === "auto" ? defaultWorkers(source, machineLimits().cores) : config.data.workers;
  return openLoader(source, {
    views: { image: view },
    batchSize,
    seed: config.seed,
    workers,
    shuffle: false,
    dropLast: false,
    channels,
    maxPixels,
    maxBadShare,
  });
}
