import { crc32 } from "node:zlib";
import type { TensorToWrite } from "../../../src/formats/safetensors.js";
import { writeTorch } from "../../../src/formats/torch-pickle.js";
import { expectedTensors, type PublishedShape } from "../../../src/models/published/shape.js";

/** Numbers in [-1, 1) from a name: those of test/reference/make_published.py. */
export function uniform(name: string, count: number): Float64Array {
  const seed = crc32(name);
  return Float64Array.from({ length: count }, (_, i) => {
    let x = (Math.imul(i, 0x9e3779b9) + seed) >>> 0;
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
    return ((x ^ (x >>> 16)) >>> 8) / 2 ** 23 - 1;
  });
}

export function made(name: string, shape: readonly number[]): Float32Array {
  const product = (sides: readonly number[]): number => sides.reduce((a, b) => a * b, 1);
  const values = uniform(name, product(shape));
  const scale = 1.5 / Math.sqrt(product(shape.slice(1)));
  if (name.includes("norm"))
    return Float32Array.from(values, (v) => (name.endsWith("weight") ? 1 + 0.25 * v : 0.125 * v));
  return Float32Array.from(values, (v) => v * (name.endsWith("bias") ? 0.125 : shape.length === 3 ? 0.5 : scale));
}

/** A model of any shape, under the official names. */
export function officialTensors(shape: PublishedShape): Map<string, TensorToWrite> {
  return new Map(
    [...expectedTensors(shape)].map(([name, sides]) => {
      const data = () => new Uint8Array(made(name, sides).buffer);
      return [name, { dtype: "F32", shape: sides, data }];
    }),
  );
}

/** As the official script saves it. */
export function writeOfficial(path: string, shape: PublishedShape): string {
  writeTorch(path, new Map([["model", officialTensors(shape)]]));
  return path;
}

/** A model that takes no time: patches of 4 in pictures of 16. */
export const micro: PublishedShape = {
  width: 16,
  depth: 2,
  heads: 2,
  mlpRatio: 4,
  patchSize: [4, 4],
  grid: [4, 4],
  channels: 3,
};
export const microDecoder = { width: 8, depth: 1, heads: 2, mlpRatio: 4 };
