import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { SafetensorsFile } from "../src/formats/safetensors.js";
import { tensorOf } from "../src/models/weights.js";
import type { Tensor } from "../src/tensor/tensor.js";

/** A file of test/reference. */
function referenceFile(name: string): string {
  return fileURLToPath(new URL(`reference/${name}`, import.meta.url));
}

/** Numbers of test/reference that are kept as JSON. */
export function readJson(name: string): unknown {
  return JSON.parse(readFileSync(referenceFile(name), "utf8"));
}

/** Reads tensors of a reference file while `body` runs. */
export function withReference<R>(name: string, body: (read: (key: string) => Tensor, file: SafetensorsFile) => R): R {
  using file = SafetensorsFile.open(referenceFile(name));
  return body((key) => tensorOf(file.read(key)), file);
}

/** max |a − b| / max |b| */
export function relativeDifference(ours: Tensor, theirs: Tensor): number {
  const largest = theirs.detach().abs().amax([]).item();
  return ours.detach().sub(theirs).abs().amax([]).item() / (largest === 0 ? 1 : largest);
}

/** The generator of the golden micro-model (linear congruential, Numerical Recipes' constants): −1 to 1. */
export function congruential(seed: number): () => number {
  let s = seed;
  return () => {
    s = (Math.imul(1664525, s) + 1013904223) >>> 0;
    return (2 * s) / 2 ** 32 - 1;
  };
}
