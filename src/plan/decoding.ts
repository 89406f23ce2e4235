import { openLoader } from "../data/loader.js";
import type { Source } from "../data/source.js";
import { libtorchVersion } from "../engine/device.js";
import { methods } from "../methods/index.js";
import type { RunConfig } from "../train/config.js";
import { imageShape } from "../train/loop/task.js";
import { readingOptions } from "../train/reading.js";

/** What the loader does with a source's own pictures. */
export interface Decoding {
  /** Pictures a second, all decoding threads together, while nothing else runs. */
  readonly perSecond: number;
  /** The most that the process took meanwhile: libtorch and decoding threads included. */
  readonly processBytes: number;
}

/** Decodes and augments pictures of a source for a second or two, as the run would. Undefined where there are too few. */
export async function measureDecoding(config: RunConfig, source: Source, seconds = 1): Promise<Decoding | undefined> {
  libtorchVersion(); // loads libtorch: a run has it too
  const batch = Math.min(config.data.batchSize, 32);
  if (source.size < 2 * batch) return undefined;
  await using loader = openLoader(source, {
    ...readingOptions(config, source),
    views: methods.get(config.method.name).views(config.method, imageShape(config)),
    batchSize: batch,
    shuffle: true,
    dropLast: true,
    maxBadShare: 1,
  });
  let [began, pictures, processBytes] = [0, 0, 0];
  for await (const { samples } of loader.batches({ epoch: 0, batch: 0 }, { epoch: 1000 })) {
    processBytes = Math.max(processBytes, process.memoryUsage.rss());
    if (began === 0)
      began = performance.now(); // threads have started
    else pictures += samples.length;
    if (performance.now() - began > 1000 * seconds && pictures > 0) break;
  }
  return { perSecond: (1000 * pictures) / (performance.now() - began), processBytes };
}
