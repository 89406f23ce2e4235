/** Small data sets that are held in memory as pixels, on memory that worker threads share. */
import { createHash } from "node:crypto";
import { DataError } from "../errors.js";
import type { PixelSource, SourceSpec } from "./spec.js";

export interface PixelSet {
  readonly spec: Extract<SourceSpec, { split: string }>;
  readonly classes: readonly string[];
  /** [size height width channels], before the limit. */
  readonly pixels: Uint8Array;
  /** [size] */
  readonly labels: Uint8Array;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** SHA-256, in hex, over pixels and labels. */
export function fingerprintOfPixels(pixels: Uint8Array, labels: Uint8Array): string {
  return createHash("sha256").update(pixels).update(labels).digest("hex");
}

/** Uninitialised bytes that all threads of the process see. */
export function sharedBytes(length: number): Uint8Array {
  return new Uint8Array(new SharedArrayBuffer(length));
}

/**
 * Makes the source, of the first `limit` pictures if there is a limit. Pixels that are not on shared memory are copied there.
 * @throws DataError limit, when there are fewer pictures
 */
export function pixelSource(set: PixelSet, fingerprint: string): PixelSource {
  const { spec, height, width, channels } = set;
  const total = set.labels.length;
  const size = spec.limit ?? total;
  if (size > total) {
    const expected = `at most ${total}, the size of ${spec.kind}'s ${spec.split} split`;
    throw new DataError({
      code: "limit",
      path: "limit",
      expected,
      actual: String(size),
      remedy: "Leave it out for all.",
    });
  }
  const bytes = size * height * width * channels;
  let data = set.pixels;
  if (size < total || !(data.buffer instanceof SharedArrayBuffer)) {
    data = sharedBytes(bytes);
    data.set(set.pixels.subarray(0, bytes));
  }
  return {
    spec,
    size,
    fingerprint: size === total ? fingerprint : createHash("sha256").update(`${fingerprint}:${size}`).digest("hex"),
    classes: set.classes,
    labels: Int32Array.from(set.labels.subarray(0, size)),
    name: (index) => `${spec.split}/${index}`,
    content: { kind: "pixels", data, height, width, channels },
  };
}
