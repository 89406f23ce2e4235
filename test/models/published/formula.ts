import { crc32 } from "node:zlib";
import type { TensorToWrite } from "../../../src/formats/safetensors.js";
import { writeTorch } from "../../../src/formats/torch-pickle.js";
import type { StackShape, VitShape } from "../../../src/models/published/vit/sizes.js";

/** A ViT as it is published: with a decoder, with a classifier. */
export interface PublishedShape extends VitShape {
  readonly decoder?: StackShape;
  readonly head?: { readonly classes: number; readonly pooling: "token" | "mean" };
}

/** Numbers in [-1, 1) from a name: those of test/reference/make_published.py. */
export function uniform(name: string, count: number): Float64Array {
  const seed = crc32(name);
  const values = new Float64Array(count); // filled in a loop: `from` is slow with millions
  for (let i = 0; i < count; i++) {
    let x = (Math.imul(i, 0x9e3779b9) + seed) >>> 0;
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
    values[i] = ((x ^ (x >>> 16)) >>> 8) / 2 ** 23 - 1;
  }
  return values;
}

export function made(name: string, shape: readonly number[]): Float32Array {
  const product = (sides: readonly number[]): number => sides.reduce((a, b) => a * b, 1);
  const values = uniform(name, product(shape));
  const [isNorm, isWeight] = [name.includes("norm"), name.endsWith("weight")];
  const shift = isNorm && isWeight ? 1 : 0;
  const scale = isNorm ? (isWeight ? 0.25 : 0.125) : scaleOf(name, shape, product(shape.slice(1)));
  const scaled = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) scaled[i] = shift + scale * (values[i] as number);
  return scaled;
}

function scaleOf(name: string, shape: readonly number[], inputs: number): number {
  if (name.endsWith("bias")) return 0.125;
  return shape.length === 3 ? 0.5 : 1.5 / Math.sqrt(inputs);
}

/** Every tensor of a model of that shape, with its sides, in the order of the official state dict. */
export function officialShapes(shape: PublishedShape): Map<string, readonly number[]> {
  const { width: D, patchSize, grid, channels, decoder, head } = shape;
  const [places, pixels] = [1 + grid[0] * grid[1], patchSize[0] * patchSize[1] * channels];
  const found = new Map<string, readonly number[]>([
    ["cls_token", [1, 1, D]],
    ["pos_embed", [1, places, D]],
  ]);
  const layer = (name: string, out: number, ...rest: number[]): void => {
    found.set(`${name}.weight`, [out, ...rest]).set(`${name}.bias`, [out]);
  };
  if (decoder !== undefined)
    found.set("mask_token", [1, 1, decoder.width]).set("decoder_pos_embed", [1, places, decoder.width]);
  layer("patch_embed.proj", D, channels, ...patchSize);
  addBlocks(layer, "blocks", shape);
  if (head?.pooling !== "mean") layer("norm", D);
  if (decoder !== undefined) {
    layer("decoder_embed", decoder.width, D);
    addBlocks(layer, "decoder_blocks", decoder);
    layer("decoder_norm", decoder.width);
    layer("decoder_pred", pixels, decoder.width);
  }
  if (head?.pooling === "mean") layer("fc_norm", D);
  if (head !== undefined) layer("head", head.classes, D);
  return found;
}

type AddLayer = (name: string, out: number, ...rest: number[]) => void;

function addBlocks(layer: AddLayer, stack: string, { width: D, depth, mlpRatio }: StackShape): void {
  const hidden = Math.round(D * mlpRatio);
  for (let i = 0; i < depth; i++) {
    layer(`${stack}.${i}.norm1`, D);
    layer(`${stack}.${i}.attn.qkv`, 3 * D, D);
    layer(`${stack}.${i}.attn.proj`, D, D);
    layer(`${stack}.${i}.norm2`, D);
    layer(`${stack}.${i}.mlp.fc1`, hidden, D);
    layer(`${stack}.${i}.mlp.fc2`, D, hidden);
  }
}

/** A model of any shape, under the official names. */
export function officialTensors(shape: PublishedShape): Map<string, TensorToWrite> {
  return new Map(
    [...officialShapes(shape)].map(([name, sides]) => {
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
