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
 * Makes the source, of the first `limit` pictures if there is a limit, one after the other `repeat` times. Pixels that are not on shared memory are copied there.
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
  const { repeat = 1 } = spec;
  const picked = size === total ? fingerprint : hashOf(`${fingerprint}:${size}`);
  return {
    spec,
    size: size * repeat,
    fingerprint: repeat === 1 ? picked : hashOf(`${picked}×${repeat}`),
    classes: set.classes,
    labels: Int32Array.from({ length: size * repeat }, (_, index) => set.labels[index % size] as number),
    name: (index) => `${spec.split}/${index % size}`,
    content: {
      kind: "pixels",
      data: shared(set.pixels, size * height * width * channels, repeat),
      height,
      width,
      channels,
    },
  };
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** The first `length` bytes, `repeat` times, on shared memory: themselves where they are that. */
function shared(bytes: Uint8Array, length: number, repeat: number): Uint8Array {
  if (length === bytes.length && repeat === 1 && bytes.buffer instanceof SharedArrayBuffer) return bytes;
  const data = sharedBytes(length * repeat);
  for (let i = 0; i < repeat; i++) data.set(bytes.subarray(0, length), i * length);
  return data;
}
