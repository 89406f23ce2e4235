/**
 * Vision Transformer. "An Image is Worth 16x16 Words", Dosovitskiy et al., ICLR 2021; Ti and S from DeiT.
 * Code compared with: timm, facebookresearch/mae. Differences: positions, `pos_embed` in the state, are the MAE family's fixed
 * sine-cosine table unless they are to be learned; the patch embedding is a linear layer over unfolded patches.
 * Expected: timm's forward for the same weights (test/models/vit.test.ts); parameter counts of the paper.
 */
import { z } from "zod";
import { ConfigError } from "../errors.js";
import { Block } from "../nn/block.js";
import { dropPathRates } from "../nn/drop-path.js";
import { normal, truncatedNormal } from "../nn/init.js";
import { LayerNorm } from "../nn/layer-norm.js";
import { Chain, Module, Parameter } from "../nn/module.js";
import { PatchEmbed, pair, type Size } from "../nn/patches.js";
import { resizePositions, sinCosInit } from "../nn/positions.js";
import { cat } from "../tensor/creation.js";
import type { Tensor } from "../tensor/tensor.js";
import type { FeatureMap, ImageShape, Part, PatchEncoder, Pool } from "./encoder.js";
import type { ExportGraph } from "./exports.js";
import { vitLayouts } from "./published/vit/layouts.js";
import { blockMultiplyAdds, givenNumber, type ModelSize, notGiven, type SizeFacts } from "./sizes.js";

/** Width, depth and heads by name (ViT table 1; Ti and S: DeiT table 1). */
export const vitSizes = {
  tiny: { width: 192, depth: 12, heads: 3 },
  small: { width: 384, depth: 12, heads: 6 },
  base: { width: 768, depth: 12, heads: 12 },
  large: { width: 1024, depth: 24, heads: 16 },
  huge: { width: 1280, depth: 32, heads: 16 },
} as const;

function isVitSize(name: unknown): name is keyof typeof vitSizes {
  return typeof name === "string" && Object.hasOwn(vitSizes, name);
}

const positive = z.int().positive();
const sizeNames = Object.keys(vitSizes) as [keyof typeof vitSizes];

/** Schema of a ViT's sizes. */
export const vitConfig = z.strictObject({
  name: z.literal("vit").default("vit"),
  size: z.enum(sizeNames).default("small").describe("width, depth and heads by name; each can be set by itself too"),
  width: positive.optional().describe("token width; a multiple of heads and of 4"),
  depth: positive.optional().describe("number of blocks"),
  heads: positive.optional().describe("attention heads"),
  mlpRatio: z.number().positive().default(4).describe("hidden width of the MLP over the token width"),
  patchSize: z
    .union([positive, z.tuple([positive, positive])])
    .default(16)
    .describe("patch side in pixels, or [height, width]"),
  positions: z
    .enum(["sinCos", "learned"])
    .default("sinCos")
    .describe("a fixed sine-cosine table (MAE, MoCo v3), or one that is learned (ViT, DINO)"),
  positionOffset: z
    .number()
    .min(0)
    .default(0)
    .describe("patches added to the grid when positions are resized for pictures of another size; 0.1 in DINO's code"),
  dropPath: z
    .number()
    .min(0)
    .lt(1)
    .default(0)
    .describe("stochastic depth: rate of the last block's branches, growing linearly from 0; for supervised training"),
});
/** A ViT's sizes with their defaults filled in. */
export type VitConfig = z.output<typeof vitConfig>;

/** Vision Transformer with a class token and fixed positions: image [B C H W] -> tokens [B 1+N D]. State as the MAE family's. */
export class Vit extends Module<[Tensor], Tensor> implements PatchEncoder {
  readonly clsToken: Parameter; // [1 1 D]
  readonly posEmbed: Parameter; // [1 1+N D]
  readonly patchEmbed: PatchEmbed;
  readonly blocks: Chain<Block>;
  readonly norm: LayerNorm;

  readonly width: number;
  readonly heads: number;
  readonly channels: number;
  readonly imageSize: Size;
  readonly patchSize: Size;
  /** Patches down and across. */
  readonly grid: Size;
  readonly pools = ["mean", "class"] as const;
  private readonly positionOffset: number;

  constructor(config: VitConfig, image: ImageShape) {
    super();
    const { width, depth, heads } = { ...vitSizes[config.size], ...withoutUndefined(config) };
    this.width = width;
    this.heads = heads;
    this.channels = image.channels;
    this.imageSize = image.imageSize;
    this.patchSize = pair(config.patchSize);
    this.grid = gridOf(image.imageSize, this.patchSize);
    if (width % 4 !== 0)
      throw new ConfigError({
        problem: `positions need a width that 4 divides, got ${width}.`,
        code: "width",
        path: "model.width",
        expected: "a multiple of 4",
        actual: width,
        remedy: `Take ${Math.ceil(width / 4) * 4}.`,
      });
    this.clsToken = new Parameter([1, 1, width], normal(0.02));
    const isLearned = config.positions === "learned";
    const firstPositions = isLearned ? truncatedNormal(0.02) : sinCosInit(this.grid);
    this.posEmbed = new Parameter([1, 1 + this.patches, width], firstPositions, isLearned);
    this.positionOffset = config.positionOffset;
    this.patchEmbed = new PatchEmbed(image.channels, width, this.patchSize);
    const rates = dropPathRates(config.dropPath, depth);
    this.blocks = new Chain(rates.map((rate) => new Block(width, heads, config.mlpRatio, rate)));
    this.norm = new LayerNorm(width);
  }

  get sizes() {
    const [height, width] = this.patchSize;
    return {
      width: this.width,
      depth: this.depth,
      heads: this.heads,
      mlpRatio: (this.blocks.links[0]?.mlp.fc1.outputs ?? 0) / this.width,
      patchSize: height === width ? height : [height, width],
    };
  }

  /** Number of patches N. */
  get patches(): number {
    return this.grid[0] * this.grid[1];
  }

  /** tokens of patches [B K D], positions added -> through the blocks, class token first [B 1+K D] */
  encode(tokens: Tensor): Tensor {
    return this.norm.call(this.throughBlocks(tokens)); // [B 1+K D]
  }

  /** tokens of patches [B K D], positions added -> class token first, the final norm not applied [B 1+K D] */
  private throughBlocks(tokens: Tensor): Tensor {
    const B = tokens.side(0);
    const first = this.clsToken.add(this.posEmbed.slice(1, 0, 1)).expand([B, -1, -1]); // [B 1 D]
    return this.blocks.call(cat([first, tokens], 1)); // [B 1+K D]
  }

  /** image [B C H W], of any size that the patches divide -> patches with their positions [B N D] */
  private embed(image: Tensor): Tensor {
    return this.patchEmbed.call(this.patchEmbed.unfold(image)).add(this.positionsOf(image).slice(1, 1)); // [B N D]
  }

  /** The table for an image's grid: resized where it is not the encoder's own (timm, DINO) [1 1+N D] */
  private positionsOf(image: Tensor): Tensor {
    const grid = [image.side(2) / this.patchSize[0], image.side(3) / this.patchSize[1]] as const;
    return resizePositions(this.posEmbed, this.grid, grid, this.positionOffset);
  }

  /** image [B C H W] -> tokens [B 1+N D], class token first */
  protected forward(image: Tensor): Tensor {
    return this.encode(this.embed(image)); // [B 1+N D]
  }

  /** image [B C H W] -> mean of the patch tokens before the final norm [B D]: classifiers put their own behind */
  unnormed(image: Tensor): Tensor {
    return this.throughBlocks(this.embed(image)).slice(1, 1).mean([1]); // [B D]
  }

  /** image [B C H W] -> mean of the patch tokens, or the class token, after the final norm [B D] */
  features(image: Tensor, pool: Pool = "mean"): Tensor {
    return pooled(this.call(image), pool);
  }

  /** image [B C H W] -> the patch tokens after the final norm as one map [B D h w] */
  stages(image: Tensor): readonly FeatureMap[] {
    const [h, w] = [image.side(2) / this.patchSize[0], image.side(3) / this.patchSize[1]];
    const tokens = this.call(image).slice(1, 1); // [B N D]
    const map = tokens.transpose(1, 2).reshape([image.side(0), this.width, h, w]); // [B D h w]
    return [{ map, stride: this.patchSize }];
  }

  get depth(): number {
    return this.blocks.links.length;
  }

  get stride(): Size {
    return this.patchSize;
  }

  accepts([height, width]: Size): boolean {
    return height % this.patchSize[0] === 0 && width % this.patchSize[1] === 0;
  }

  /** 0: tokens, positions and patches; i + 1: block i; depth + 1: the final norm (BEiT, MAE: util/lr_decay.py). */
  layerOf(name: string): number {
    if (/^(cls_token|pos_embed|patch_embed)/.test(name)) return 0;
    const block = /^blocks\.(\d+)\./.exec(name);
    return block === null ? this.depth + 1 : Number(block[1]) + 1;
  }

  /** Half a block is the branch with the MLP, with the norm before it (MAE, figure 9). */
  lastLayers(count: number): readonly Part[] {
    const { links } = this.blocks;
    const last = links.at(-1) as Block;
    const blocks = count >= 1 ? links.slice(-count) : [last.norm2, last.mlp, last.dropPath2];
    return [...(count === 0 ? [] : blocks), this.norm] as readonly Part[];
  }

  get layerPaths(): readonly string[] {
    return this.blocks.links.map((_, i) => `blocks.${i}`);
  }

  get attentionPaths(): readonly string[] {
    return this.layerPaths.map((path) => `${path}.attn`);
  }

  /** Names of inputs and outputs are Hugging Face's. */
  exports(pool: Pool = "mean"): readonly ExportGraph[] {
    return [
      {
        name: "encoder",
        module: this as Module<never[], unknown>,
        inputs: [{ name: "pixel_values", shape: ["batch", this.channels, ...this.imageSize], dtype: "float32" }],
        run: (image) => {
          const tokens = this.call(image as Tensor); // [B 1+N D]
          return { last_hidden_state: tokens, pooler_output: pooled(tokens, pool) };
        },
        probes: { batch: [2, 3, 5] },
        descriptions: {
          pixel_values: "pictures, normalised as the metadata's preprocessing says",
          last_hidden_state: "tokens after the final norm, class token first",
          pooler_output: pool === "class" ? "the class token" : "mean of the patch tokens",
        },
      },
    ];
  }

  setCheckpointing(on: boolean): void {
    this.blocks.checkpointing = on;
  }
}

function withoutUndefined(config: VitConfig): Partial<{ width: number; depth: number; heads: number }> {
  const { width, depth, heads } = config;
  return { ...(width && { width }), ...(depth && { depth }), ...(heads && { heads }) };
}

/** @throws ConfigError that names the nearest image size which divides */
/** tokens [B 1+N D], class token first -> [B D] */
function pooled(tokens: Tensor, pool: Pool): Tensor {
  return pool === "class" ? tokens.select(1, 0) : tokens.slice(1, 1).mean([1]);
}

function gridOf(image: Size, patch: Size): Size {
  const near = image.map((side, i) => Math.max(1, Math.round(side / (patch[i] ?? 1))) * (patch[i] ?? 1));
  if (image.some((side, i) => side !== near[i])) {
    const [wanted, size] = [near.join(" × "), image.join(" × ")];
    throw new ConfigError({
      problem: `imageSize ${size} is not a multiple of patchSize ${patch.join(" × ")} (nearest: ${wanted}).`,
      code: "image-size",
      path: "data.imageSize",
      expected: near,
      actual: image,
    });
  }
  return [image[0] / patch[0], image[1] / patch[1]];
}

/** What is offered where nobody asks for a size, from the largest to the smallest. */
const offered = [
  { name: "base", ...vitSizes.base, pictures: 200_000 },
  { name: "small", ...vitSizes.small, pictures: 20_000 },
  { name: "tiny", ...vitSizes.tiny, pictures: 2_000 },
  { name: "half of tiny", ...vitSizes.tiny, depth: 6, pictures: 0 },
];

function offers({ side, given }: SizeFacts): readonly ModelSize[] {
  const patch = givenNumber(given, "patchSize") ?? choosePatch(side);
  if (side % patch !== 0) return [];
  const asked = given["size"];
  const named = isVitSize(asked) ? [{ name: asked, ...vitSizes[asked], pictures: 0 }] : offered;
  return named.map(({ name, pictures, ...size }) => {
    const width = givenNumber(given, "width") ?? size.width;
    const depth = givenNumber(given, "depth") ?? size.depth;
    const heads =
      givenNumber(given, "heads") ?? (width === size.width ? size.heads : Math.max(1, Math.round(width / 64)));
    const patches = (side / patch) ** 2;
    const sizes = { width, depth, heads };
    return {
      ...{
        name,
        shown: `${width} × ${depth}, ${heads} head${heads === 1 ? "" : "s"}`,
        pictures,
        width,
        depth,
        patches,
      },
      settings: notGiven({ ...(isVitSize(asked) && width === size.width ? {} : sizes), patchSize: patch }, given),
      choices: [
        { key: "model.patchSize", value: patch, reason: `${side / patch} × ${side / patch} = ${patches} patches` },
      ],
      multiplyAdds: blockMultiplyAdds(1 + patches, width, depth),
      activations: (1 + patches) * width * depth,
    };
  });
}

/** Grids of 6 to 14 patches a side; a side that is a person's own choice may need another divisor. */
function choosePatch(side: number): number {
  const usual = side >= 112 ? 16 : side >= 48 ? 8 : 4;
  const others = Array.from({ length: 31 }, (_, i) => 32 - i).filter((patch) => side / patch >= 4);
  return [usual, ...others].find((patch) => side % patch === 0) ?? 1;
}

const publishedHeads = new Map(Object.values(vitSizes).map(({ width, heads }) => [width, heads]));

export const vit = {
  name: "vit",
  config: vitConfig,
  sized: ["width", "depth", "heads"],
  offers,
  layouts: vitLayouts("vit", publishedHeads),
  build: (config: VitConfig, image: ImageShape): Vit => new Vit(config, image),
};
