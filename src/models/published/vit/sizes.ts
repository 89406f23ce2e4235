/** What the tensors of a ViT tell of its sizes, and what they do not: heads, and the sides of a grid that is not square. */
import { CheckpointError } from "../../../engine/errors.js";
import type { Size } from "../../../nn/patches.js";
import { relativeRows } from "../../../nn/positions.js";
import { sides, type Tensors } from "../tensors.js";

/** Sizes of a stack of blocks. */
export interface StackShape {
  readonly width: number;
  readonly depth: number;
  readonly heads: number;
  readonly mlpRatio: number;
}

/** Sizes of a ViT. */
export interface VitShape extends StackShape {
  readonly patchSize: Size;
  /** Patches down and across. */
  readonly grid: Size;
  readonly channels: number;
}

/** How a BEiT differs from a plain ViT, by the keys of the configuration; a key is there where it differs. */
export interface BeitParts {
  readonly positions?: "learned" | "none";
  readonly relativePositions?: "shared" | "perBlock";
  readonly layerScale?: number;
  readonly keyBias?: false;
}

/** What is known besides the tensors. */
interface Told {
  readonly heads?: number | undefined;
  readonly imageSize?: Size | undefined;
}

/** Heads of published models by their width. */
export type HeadsByWidth = ReadonlyMap<number, number>;

/**
 * Sizes from names and shapes under the official names. @param published heads of the models that everybody publishes
 * @param assumed gets what had to be assumed
 * @throws CheckpointError naming tensors that are missing or of another rank, and sizes that do not fit
 */
export function vitShape(
  tensors: Tensors,
  path: string,
  told: Told,
  published: HeadsByWidth,
  assumed: string[],
): VitShape {
  const [width = 0] = sides(tensors, path, "cls_token", 3).slice(2);
  const [, channels = 0, p = 0, q = 0] = sides(tensors, path, "patch_embed.proj.weight", 4);
  const [hidden = 0] = sides(tensors, path, "blocks.0.mlp.fc1.weight", 2);
  const heads = told.heads ?? published.get(width) ?? headsOf(width, 64, "encoder", assumed);
  const grid = gridOf(path, patchesOf(tensors, path, [p, q], told.imageSize), [p, q], told.imageSize);
  checkHeads(path, width, heads, "--heads");
  const depth = depthOf(tensors, "blocks.");
  return { width, depth, heads, mlpRatio: hidden / width, patchSize: [p, q], grid, channels };
}

const sharedTable = "rel_pos_bias.relative_position_bias_table";
const ownTable = "blocks.0.attn.relative_position_bias_table";

/** Patches of a picture: absolute positions have a row for each, relative ones for every way from one to another. */
function patchesOf(tensors: Tensors, path: string, [p, q]: Size, image: Size | undefined): number {
  const table = [sharedTable, ownTable].find((name) => tensors.has(name));
  if (tensors.has("pos_embed") || table === undefined) return (sides(tensors, path, "pos_embed", 3)[1] ?? 0) - 1;
  const [rows = 0] = sides(tensors, path, table, 2);
  const told: Size | undefined = image && [image[0] / p, image[1] / q];
  if (told !== undefined && relativeRows(told) === rows) return told[0] * told[1];
  return ((Math.sqrt(rows - 3) + 1) / 2) ** 2; // of a square grid
}

/** What tells a BEiT from a plain ViT. LayerScale's first value is not in a file: it is any above zero, since what was learned is loaded. */
export function beitParts(tensors: Tensors): BeitParts {
  const has = (name: string): boolean => tensors.has(name);
  const isSplit = has("blocks.0.attn.q_bias");
  return {
    ...(has("pos_embed") ? isSplit && { positions: "learned" } : { positions: "none" }),
    ...(has(sharedTable) ? { relativePositions: "shared" } : has(ownTable) && { relativePositions: "perBlock" }),
    ...(has("blocks.0.gamma_1") && { layerScale: 0.1 }),
    ...(isSplit && { keyBias: false }),
  };
}

/** Sizes of the decoder of a masked autoencoder; heads 32 wide where nothing tells them, as MAE's are. */
export function decoderShape(tensors: Tensors, path: string, told: number | undefined, assumed: string[]): StackShape {
  const [width = 0] = sides(tensors, path, "decoder_embed.weight", 2);
  const [hidden = 0] = sides(tensors, path, "decoder_blocks.0.mlp.fc1.weight", 2);
  const heads = told ?? headsOf(width, 32, "decoder", assumed);
  checkHeads(path, width, heads, "--decoder-heads");
  return { width, depth: depthOf(tensors, "decoder_blocks."), heads, mlpRatio: hidden / width };
}

function depthOf(tensors: Tensors, prefix: string): number {
  const numbers = [...tensors.keys()].flatMap((name) =>
    name.startsWith(prefix) ? [Number(name.slice(prefix.length).split(".")[0])] : [],
  );
  return 1 + numbers.reduce((most, n) => Math.max(most, n), -1);
}

/** Shapes do not show the number of heads: they are taken for so wide each. */
function headsOf(width: number, wide: number, which: "encoder" | "decoder", assumed: string[]): number {
  const heads = Math.max(1, Math.round(width / wide));
  const flag = which === "decoder" ? "--decoder-heads" : "--heads";
  assumed.push(`${which} heads ${heads} (${wide} wide each; ${flag} says otherwise)`);
  return heads;
}

function checkHeads(path: string, width: number, heads: number, flag: string): void {
  if (width % heads === 0) return;
  throw new CheckpointError({
    problem: `a width of ${width} does not divide into ${heads} heads.`,
    code: "heads",
    path,
    expected: `a divisor of ${width}`,
    actual: heads,
    remedy: `Say how many there are: ${flag}.`,
  });
}

function gridOf(path: string, patches: number, [p, q]: Size, image: Size | undefined): Size {
  const side = Math.round(Math.sqrt(patches));
  const grid: Size = image === undefined ? [side, side] : [image[0] / p, image[1] / q];
  if (patches > 0 && grid[0] * grid[1] === patches && Number.isInteger(grid[0])) return grid;
  throw new CheckpointError({
    problem:
      image === undefined
        ? `its positions have ${patches} places besides the class token's, which is no square.`
        : `its positions have ${patches} places besides the class token's, pictures of ${image.join(" × ")} in patches of ${p} × ${q} need ${grid[0] * grid[1]}.`,
    code: "grid",
    path,
    expected: image === undefined ? "the square of a whole number" : grid[0] * grid[1],
    actual: patches,
    remedy:
      "Say the size of its pictures: --image-size <height> <width>. Position tables without a class token are not read.",
  });
}
