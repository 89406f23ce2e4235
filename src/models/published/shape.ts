/** What a model's tensors tell of its sizes, and what they do not: heads, and the sides of a grid that is not square. */
import { CheckpointError } from "../../engine/errors.js";
import type { Size } from "../../nn/patches.js";
import { vitSizes } from "../vit.js";
import type { WeightSource } from "../weights.js";

/** Sizes of a stack of blocks. */
export interface StackShape {
  readonly width: number;
  readonly depth: number;
  readonly heads: number;
  readonly mlpRatio: number;
}

export interface PublishedShape extends StackShape {
  readonly patchSize: Size;
  /** Patches down and across. */
  readonly grid: Size;
  readonly channels: number;
  readonly decoder?: StackShape;
  /** Classes of a head, and what it is given: the class token, or the mean of the patch tokens through `fc_norm`. */
  readonly head?: { readonly classes: number; readonly pooling: "token" | "mean" };
}

/** What is known from elsewhere: a configuration beside the file, or the person who asks. */
export interface ShapeHints {
  readonly heads?: number | undefined;
  readonly decoderHeads?: number | undefined;
  readonly imageSize?: Size | undefined;
}

export interface InferredShape {
  readonly shape: PublishedShape;
  /** What had to be assumed, in words. */
  readonly assumed: string[];
  /** Whether the encoder's number of heads is known, which shapes do not show. */
  readonly headsAreTold: boolean;
}

/**
 * Sizes from names and shapes; every tensor must fit them, and none may be missing.
 * @throws CheckpointError naming tensors that are missing or of another shape
 */
export function inferShape(source: WeightSource, hints: ShapeHints): InferredShape {
  const assumed: string[] = [];
  const has = (name: string): boolean => source.names.includes(name);
  const [width = 0] = sides(source, "cls_token", 3).slice(2);
  const [, channels = 0, p = 0, q = 0] = sides(source, "patch_embed.proj.weight", 4);
  const depth = depthOf(source, "blocks.");
  const [hidden = 0] = sides(source, "blocks.0.mlp.fc1.weight", 2);
  const heads = hints.heads ?? assumedHeads(width, "encoder", assumed);
  const patches = (sides(source, "pos_embed", 3)[1] ?? 0) - 1;
  const grid = gridOf(source, patches, [p, q], hints.imageSize);
  const decoder = has("decoder_embed.weight") ? decoderShape(source, hints, assumed) : undefined;
  const pooling = has("fc_norm.weight") ? "mean" : "token";
  const head = has("head.weight")
    ? ({ classes: sides(source, "head.weight", 2)[0] ?? 0, pooling } as const)
    : undefined;
  const shape = {
    width,
    depth,
    heads,
    mlpRatio: hidden / width,
    patchSize: [p, q] as const,
    grid,
    channels,
    ...(decoder && { decoder }),
    ...(head && { head }),
  };
  checkHeads(source, width, heads, "--heads");
  if (decoder !== undefined) checkHeads(source, decoder.width, decoder.heads, "--decoder-heads");
  checkAll(source, shape);
  return { shape, assumed, headsAreTold: hints.heads !== undefined };
}

function decoderShape(source: WeightSource, { decoderHeads }: ShapeHints, assumed: string[]): StackShape {
  const [width = 0] = sides(source, "decoder_embed.weight", 2);
  const [hidden = 0] = sides(source, "decoder_blocks.0.mlp.fc1.weight", 2);
  const heads = decoderHeads ?? assumedHeads(width, "decoder", assumed);
  return { width, depth: depthOf(source, "decoder_blocks."), heads, mlpRatio: hidden / width };
}

function sides(source: WeightSource, name: string, rank: number): readonly number[] {
  if (!source.names.includes(name)) {
    throw new CheckpointError(`${name} is missing: the file holds no ViT.`, {
      code: "names",
      path: source.path,
      expected: name,
      actual: source.names.slice(0, 4),
    });
  }
  const { shape } = source.entry(name);
  if (shape.length === rank && !shape.includes(0)) return shape;
  throw new CheckpointError(`${name} has shape [${shape.join(" ")}], expected ${rank} sides above zero.`, {
    code: "shape",
    path: source.path,
    expected: rank,
    actual: shape,
  });
}

function depthOf(source: WeightSource, prefix: string): number {
  const numbers = source.names.flatMap((name) =>
    name.startsWith(prefix) ? [Number(name.slice(prefix.length).split(".")[0])] : [],
  );
  return 1 + numbers.reduce((most, n) => Math.max(most, n), -1);
}

/** Shapes do not show the number of heads. ViT's and DeiT's for their widths; else 64 wide each, MAE's decoder 32. */
function assumedHeads(width: number, which: "encoder" | "decoder", assumed: string[]): number {
  const named = which === "encoder" ? Object.values(vitSizes).find((size) => size.width === width) : undefined;
  const wide = which === "encoder" ? 64 : 32;
  const heads = named?.heads ?? Math.max(1, Math.round(width / wide));
  const reason = named === undefined ? `${wide} wide each` : `as every published ViT of width ${width}`;
  if (named === undefined || which === "decoder")
    assumed.push(`${which} heads ${heads} (${reason}; --${which === "decoder" ? "decoder-" : ""}heads says otherwise)`);
  return heads;
}

function checkHeads(source: WeightSource, width: number, heads: number, flag: string): void {
  if (width % heads === 0) return;
  throw new CheckpointError(`a width of ${width} does not divide into ${heads} heads.`, {
    code: "heads",
    path: source.path,
    expected: `a divisor of ${width}`,
    actual: heads,
    remedy: `Say how many there are: ${flag}.`,
  });
}

function gridOf(source: WeightSource, patches: number, [p, q]: Size, image: Size | undefined): Size {
  const side = Math.round(Math.sqrt(patches));
  const grid: Size = image === undefined ? [side, side] : [image[0] / p, image[1] / q];
  if (patches > 0 && grid[0] * grid[1] === patches && Number.isInteger(grid[0])) return grid;
  throw new CheckpointError(
    image === undefined
      ? `pos_embed has ${patches} places besides the class token's, which is no square.`
      : `pos_embed has ${patches} places, pictures of ${image.join(" × ")} in patches of ${p} × ${q} need ${grid[0] * grid[1]}.`,
    {
      code: "grid",
      path: source.path,
      actual: patches,
      remedy:
        "Say the size of its pictures: --image-size <height> <width>. Position tables without a class token are not read.",
    },
  );
}

/** Every tensor of a model of that shape, with its sides, in the order of the official state dict. */
export function expectedTensors(shape: PublishedShape): Map<string, readonly number[]> {
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

function checkAll(source: WeightSource, shape: PublishedShape): void {
  const present = new Set(source.names);
  const wanted = expectedTensors(shape);
  const missing = [...wanted.keys()].filter((name) => !present.has(name));
  if (missing.length > 0) {
    throw new CheckpointError(`${missing.length} tensors are missing (${missing.slice(0, 4).join(", ")}).`, {
      code: "names",
      path: source.path,
      expected: missing,
      remedy: "The file is of another architecture, or not whole.",
    });
  }
  for (const [name, sides] of wanted) {
    const { shape: own } = source.entry(name);
    if (own.length === sides.length && own.every((side, i) => side === sides[i])) continue;
    throw new CheckpointError(`${name} has shape [${own.join(" ")}], the others ask for [${sides.join(" ")}].`, {
      code: "shape",
      path: source.path,
      expected: sides,
      actual: own,
    });
  }
}
