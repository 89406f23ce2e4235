/** Pictures made from integers by the rule of test/reference/make_transforms.py, and the numbers that it stored. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { expect } from "vitest";
import type { Picture } from "../../src/data/resample.js";

export function picture(height: number, width: number, channels: number, seed: number): Picture {
  const data = new Uint8Array(height * width * channels);
  let state = seed >>> 0;
  for (let i = 0; i < data.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const pixel = Math.floor(i / channels);
    const y = Math.floor(pixel / width);
    const pattern = ((((pixel % width) >> 2) + (y >> 3) + (i % channels)) % 3 === 0 ? 1 : 0) * 255;
    data[i] = (state >>> 20) & 1 ? state >>> 24 : pattern;
  }
  return { data, height, width, channels };
}

export interface Stored {
  readonly input: readonly [number, number, number, number];
  readonly size: readonly [number, number];
  readonly base64?: string;
  readonly sha256?: string;
}

interface TransformNumbers {
  readonly resize: readonly Stored[];
  readonly box: readonly (Stored & { box: readonly [number, number, number, number] })[];
  readonly resizedCrop: readonly (Stored & { region: readonly [number, number, number, number] })[];
  readonly filter: readonly (Stored & {
    interpolation: "bilinear" | "lanczos";
    box?: readonly [number, number, number, number];
  })[];
  readonly shorterSide: readonly (Stored & { shorter: number })[];
  readonly centerCrop: readonly Stored[];
  readonly reflectPadCrop: readonly (Stored & { padding: number; place: readonly [number, number] })[];
  readonly flip: readonly Stored[];
  readonly fallback: readonly {
    size: readonly [number, number];
    scale: readonly [number, number];
    ratio: readonly [number, number];
    region: readonly [number, number, number, number];
  }[];
  readonly distribution: readonly {
    size: readonly [number, number];
    scale: readonly [number, number];
    ratio: readonly [number, number];
    quantiles: Readonly<Record<string, readonly number[]>>;
    atMost: Readonly<Record<string, readonly number[]>>;
  }[];
}

export const numbers = JSON.parse(
  readFileSync(new URL("../reference/transforms.json", import.meta.url), "utf8"),
) as TransformNumbers;

/** Every byte equal: the tolerance is zero. */
export function expectStored(result: Picture, stored: Stored): void {
  expect([result.height, result.width]).toEqual(stored.size);
  expect(result.channels).toBe(stored.input[2]);
  if (stored.base64 !== undefined) {
    expect(Array.from(result.data)).toEqual(Array.from(Buffer.from(stored.base64, "base64")));
  } else {
    expect(createHash("sha256").update(result.data).digest("hex")).toBe(stored.sha256);
  }
}
