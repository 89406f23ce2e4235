/**
 * The small addon of the threads that make pictures (native/pixels): JPEG through libjpeg-turbo's own interface, of which
 * the npm binding knows only whole pictures, and resampling with AVX2. It has no libtorch in it. Where it cannot be used the
 * older ways give the same bits.
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

interface PixelsAddon {
  openJpeg(library: string): boolean;
  /** 0 when all went well. The numbers' meaning: native/pixels/jpeg.cc. */
  decodeJpeg(file: Uint8Array, target: Uint8Array, numbers: Int32Array): number;
  /** Missing where the processor has no AVX2. False for what it does not do. Numbers: native/pixels/resample.cc. */
  resample?(
    source: Uint8Array,
    target: Uint8Array,
    numbers: Int32Array,
    ...tables: (Int32Array | undefined)[]
  ): boolean;
}

const LIBRARY = "prebuilds/jpeg-turbo-linux-x64/libturbojpeg.so.0";

let loaded: PixelsAddon | undefined | null;
let hasJpeg = false;

/** Undefined where it was not built or does not load. */
export function pixelsAddon(): PixelsAddon | undefined {
  if (loaded === undefined) loaded = load() ?? null;
  return loaded ?? undefined;
}

/** The addon, where it has found libjpeg-turbo. */
export function jpegAddon(): PixelsAddon | undefined {
  const addon = pixelsAddon();
  return hasJpeg ? addon : undefined;
}

function load(): PixelsAddon | undefined {
  const require = createRequire(import.meta.url);
  try {
    const addon = require(fileURLToPath(new URL("../../../build/pixels.node", import.meta.url))) as PixelsAddon;
    const binding = dirname(require.resolve("@julusian/jpeg-turbo/package.json"));
    hasJpeg = addon.openJpeg(join(binding, LIBRARY));
    return addon;
  } catch {
    return undefined;
  }
}
