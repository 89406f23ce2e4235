/** sharp (libvips), loaded where it is first needed. */
import type { ColourMode } from "./icc.js";

export interface VipsLimits {
  readonly maxPixels: number;
  readonly timeoutMs: number;
  /** Default "converted". */
  readonly colour?: ColourMode;
}

type SharpModule = typeof import("sharp");
let loaded: Promise<SharpModule["default"]> | undefined;

/**
 * Loads sharp at its first use: libvips takes tenths of a second and tens of megabytes, and a folder of plain JPEGs
 * never needs it. One thread a picture and no cache: pictures are decoded side by side, each once.
 */
export function loadSharp(): Promise<SharpModule["default"]> {
  loaded ??= import("sharp").then(({ default: sharp }) => {
    sharp.cache(false);
    sharp.concurrency(1);
    return sharp;
  });
  return loaded;
}
