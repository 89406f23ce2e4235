/** What of a configuration decides how pictures are read, wherever they are read. */
import { defaultWorkers, type LoaderOptions } from "../data/loader.js";
import type { Source } from "../data/source.js";
import { machineLimits } from "../engine/limits.js";
import type { LoopConfig } from "./loop/task.js";

export interface Reading {
  readonly seed: number;
  readonly data: Pick<LoopConfig["data"], "channels" | "colour" | "jpeg" | "maxBadShare" | "maxPixels" | "workers">;
}

/** How pictures are decoded, where the person who asks says it: it wins over how the model was trained. */
export interface DecodingWishes {
  readonly jpeg?: Reading["data"]["jpeg"] | undefined;
  readonly colour?: Reading["data"]["colour"] | undefined;
}

export function decodedAs<D extends object>(data: D, { jpeg, colour }: DecodingWishes): D {
  return { ...data, ...(jpeg && { jpeg }), ...(colour && { colour }) };
}

/** The loader's options that follow from it; which views, in what order and how many at a time is the caller's business. */
export function readingOptions(
  { seed, data }: Reading,
  source: Source,
): Pick<LoaderOptions, "seed" | keyof Reading["data"]> {
  const { channels, colour, jpeg, maxBadShare, maxPixels } = data;
  const workers = data.workers === "auto" ? defaultWorkers(source, machineLimits().cores) : data.workers;
  return { seed, channels, colour, jpeg, maxBadShare, maxPixels, workers };
}
