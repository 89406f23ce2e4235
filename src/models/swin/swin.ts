/**
 * Swin Transformer. "Swin Transformer: Hierarchical Vision Transformer using Shifted Windows", Liu, Lin, Cao, Hu, Wei, Zhang, Lin, Guo;
 * ICCV 2021, arXiv 2103.14030. Code compared with: timm, microsoft/esvit. Names in the state are those of microsoft/Swin-Transformer.
 *
 * What differs: pictures may have any size that patches divide. Maps that windows do not divide are padded before windows are moved, as in
 * the authors' code for detection and EsViT's (timm moves first); windows keep the sides of the size that the model was built for.
 *
 * Expected: timm's maps, features and gradients for the same weights, EsViT's where maps are padded (test/models/swin/swin.test.ts);
 * the paper's parameter counts.
 */
import { z } from "zod";
import { ConfigError } from "../../errors.js";
import { PatchConv } from "../../nn/convolution/conv.js";
import { dropPathRates } from "../../nn/drop-path.js";
import { LayerNorm } from "../../nn/layer-norm.js";
import { Module } from "../../nn/module.js";
import type { Size } from "../../nn/patches.js";
import type { Tensor } from "../../tensor/tensor.js";
import {
  checkHidden,
  type FeatureMap,
  type ImageShape,
  type Part,
  type RegionEncoder,
  type TokenEncoder,
} from "../encoder.js";
import { type ExportGraph, encoderOfMaps } from "../exports.js";
import { swinLayouts } from "../published/swin.js";
import { chooseFirstWindow, givenNumber, type ModelSize, notGiven, type SizeFacts } from "../sizes.js";
import { checkHeads, type SwinBlock, SwinStage } from "./block.js";

/** First stage's width, which doubles from stage to stage, and blocks of each stage (paper, section 3.3); heads are 32 wide. */
export const swinSizes = {
  tiny: { width: 96, depths: [2, 2, 6, 2] },
  small: { width: 96, depths: [2, 2, 18, 2] },
  base: { width: 128, depths: [2, 2, 18, 2] },
  large: { width: 192, depths: [2, 2, 18, 2] },
} as const;

type Four = readonly [number, number, number, number];

const positive = z.int().positive();
const four = z.tuple([positive, positive, positive, positive]);
const sizeNames = Object.keys(swinSizes) as [keyof typeof swinSizes];

/** Schema of a Swin Transformer's sizes. */
export const swinConfig = z.strictObject({
  name: z.literal("swin").default("swin"),
  size: z.enum(sizeNames).default("tiny").describe("width and depths by name; each can be set by itself too"),
  width: positive.optional().describe("channels of the first stage, doubled from stage to stage"),
  depths: four.optional().describe("blocks of each of the four stages"),
  heads: z
    .union([positive, four])
    .optional()
    .describe(
      "attention heads of the first stage, doubled from stage to stage, or of each of the four; 32 channels each if absent",
    ),
  patchSize: positive
    .default(4)
    .describe("patch side in pixels; the last map has a cell for 8 × 8 patches (1 or 2 for 32 px)"),
  window: positive
    .default(7)
    .describe("side of the windows in which positions see each other; 4 for 32 px, 6 for 192, 12 for 384"),
  normEpsilon: z.number().positive().default(1e-5).describe("ε of the norms; 1e-6 in EsViT's code"),
  dropPath: z
    .number()
    .min(0)
    .lt(1)
    .default(0)
    .describe("stochastic depth: rate of the last block's branches, growing linearly from 0"),
});
/** A Swin Transformer's sizes with their defaults filled in. */
export type SwinConfig = z.output<typeof swinConfig>;

/** The first layer: patches, and a norm. */
class SwinEmbed extends Module {
  readonly proj: PatchConv;
  readonly norm: LayerNorm;

  constructor(channels: number, width: number, patch: number, epsilon: number) {
    super();
    this.proj = new PatchConv(channels, width, patch);
    this.norm = new LayerNorm(width, { epsilon });
  }

  /** pixels [B H W C] -> [B h w E] */
  protected forward(pixels: Tensor): Tensor {
    return this.norm.call(this.proj.call(pixels));
  }
}

/** Swin Transformer: image [B C H W] -> the last stage's map, normed [B D h w]. State as the authors'. */
export class Swin extends Module<[Tensor], Tensor> implements TokenEncoder, RegionEncoder {
  readonly patchEmbed: SwinEmbed;
  readonly layers: readonly SwinStage[];
  readonly norm: LayerNorm;

  readonly width: number;
  readonly tokenWidth: number;
  readonly depths: Four;
  readonly channels: number;
  readonly imageSize: Size;
  readonly patchSize: Size;
  /** Pixels for one cell of the last map, down and across. */
  readonly stride: Size;
  readonly pools = ["mean"] as const;
  readonly behindStages = ["norm.weight", "norm.bias"] as const;
  readonly undecayed = ["mask_token"];
  readonly sizes: Readonly<Record<string, unknown>>;

  constructor(config: SwinConfig, image: ImageShape) {
    super();
    const { width, depths, heads } = measuresOf(config);
    const { patchSize: patch, normEpsilon: epsilon, window } = config;
    this.tokenWidth = width;
    this.width = 8 * width;
    this.depths = depths;
    this.channels = image.channels;
    this.imageSize = image.imageSize;
    this.patchSize = [patch, patch];
    this.stride = [8 * patch, 8 * patch];
    this.sizes = { width, depths, heads, patchSize: patch };
    let map = this.patchesOf(image.imageSize);
    for (const [i, count] of heads.entries()) checkHeads(width * 2 ** i, count);
    this.patchEmbed = new SwinEmbed(image.channels, width, patch, epsilon);
    const rates = dropPathRates(config.dropPath, sum(depths));
    this.layers = depths.map((depth, i) => {
      if (i > 0) map = [Math.ceil(map[0] / 2), Math.ceil(map[1] / 2)];
      const options = { width: width * 2 ** i, heads: heads[i] as number, isMerged: i < 3 };
      return new SwinStage({ ...options, map, window, dropPaths: rates.splice(0, depth), epsilon });
    });
    this.norm = new LayerNorm(this.width, { epsilon });
  }

  /** image [B C H W] -> patches [B h w E] */
  private embed(image: Tensor): Tensor {
    this.patchesOf([image.side(2), image.side(3)]);
    return this.patchEmbed.call(image.permute([0, 2, 3, 1]));
  }

  /** patches [B h w E] -> the map of every stage, channels last, finest first */
  private maps(patches: Tensor): Tensor[] {
    let x = patches;
    return this.layers.map((stage) => {
      const map = stage.call(x); // [B H W C]
      x = stage.downsample?.call(map) ?? map; // [B ⌈H/2⌉ ⌈W/2⌉ 2·C]
      return map;
    });
  }

  /** patches [B h w E] -> the last map, normed [B D h w] */
  private encode(patches: Tensor): Tensor {
    return this.norm.call(this.maps(patches).at(-1) as Tensor).permute([0, 3, 1, 2]);
  }

  /** image [B C H W] -> the last stage's map, normed [B D h w] */
  protected forward(image: Tensor): Tensor {
    return this.encode(this.embed(image)); // [B D h w]
  }

  /** As SimMIM's encoder: the token stands behind the norm of the patches. */
  encodeReplaced(image: Tensor, hidden: Tensor, token: Tensor): Tensor {
    const patches = this.embed(image); // [B h w E]
    const [B = 0, h = 0, w = 0] = patches.shape;
    checkHidden(hidden, B, [h, w]);
    return this.encode(token.to(patches.dtype).where(hidden.reshape([B, h, w, 1]), patches));
  }

  /** image [B C H W] -> normed positions [B N D] */
  regions(image: Tensor): Tensor {
    return this.call(image).flatten(2).transpose(1, 2);
  }

  /** image [B C H W] -> mean over the normed positions [B D] */
  features(image: Tensor): Tensor {
    return this.call(image).mean([2, 3]); // [B D]
  }

  /** image [B C H W] -> the four stages' maps [B C h w], not normed: dense heads put their own norms behind */
  stages(image: Tensor): readonly FeatureMap[] {
    return this.maps(this.embed(image)).map((map, i) => ({
      map: map.permute([0, 3, 1, 2]),
      stride: [this.patchSize[0] * 2 ** i, this.patchSize[1] * 2 ** i],
    }));
  }

  /** Blocks. */
  get depth(): number {
    return sum(this.depths);
  }

  /** 0: patches; i + 1: block i, the last of a stage with what merges its map; depth + 1: the norm (SimMIM, `optimizer.py`). */
  layerOf(name: string): number {
    if (name.startsWith("patch_embed.")) return 0;
    const [, stage, block] = /^layers\.(\d)\.(?:blocks\.(\d+)|downsample)\./.exec(name) ?? [];
    if (stage === undefined) return this.depth + 1;
    const before = sum(this.depths.slice(0, Number(stage)));
    return before + (block === undefined ? (this.depths[Number(stage)] as number) : Number(block) + 1);
  }

  /** The last blocks, with what merges maps behind them; half a block is its branch with the MLP. */
  lastLayers(count: number): readonly Part[] {
    if (count > 0 && count < 1) {
      const last = this.layers[3]?.blocks.links.at(-1) as SwinBlock;
      return [last.norm2, last.mlp, last.dropPath2, this.norm] as readonly Part[];
    }
    const named = [
      ...this.layers.flatMap(({ blocks, downsample }, s): [string, Part | null][] => [
        ...blocks.links.map((block, b): [string, Part] => [`layers.${s}.blocks.${b}.`, block as unknown as Part]),
        [`layers.${s}.downsample.`, downsample as Part | null],
      ]),
      ["norm.", this.norm as Part] as const,
    ];
    return named.flatMap(([name, part]) => (part !== null && this.layerOf(name) > this.depth - count ? [part] : []));
  }

  get layerPaths(): readonly string[] {
    return this.layers.flatMap(({ blocks }, s) => blocks.links.map((_, b) => `layers.${s}.blocks.${b}`));
  }

  exports(): readonly ExportGraph[] {
    return [encoderOfMaps(this, "mean over positions")];
  }

  setCheckpointing(on: boolean): void {
    for (const { blocks } of this.layers) blocks.checkpointing = on;
  }

  accepts(size: Size): boolean {
    return size.every((side, i) => side % (this.patchSize[i] ?? 1) === 0);
  }

  /** Patches of a picture, down and across. @throws ConfigError that names the nearest size which fits */
  private patchesOf(image: Size): Size {
    const [patch] = this.patchSize;
    if (this.accepts(image)) return [image[0] / patch, image[1] / patch];
    const near = image.map((side) => Math.max(1, Math.round(side / patch)) * patch);
    throw new ConfigError({
      problem: `imageSize ${image.join(" × ")} is not a multiple of the patch size ${patch} (nearest: ${near.join(" × ")}).`,
      code: "image-size",
      path: "data.imageSize",
      expected: near,
      actual: image,
    });
  }
}

/** Width of the first stage, blocks and heads of all four. */
function measuresOf(config: SwinConfig): { readonly width: number; readonly depths: Four; readonly heads: Four } {
  const size = swinSizes[config.size];
  const width = config.width ?? size.width;
  const heads = config.heads ?? Math.max(1, Math.round(width / 32));
  return {
    width,
    depths: config.depths ?? size.depths,
    heads: typeof heads === "number" ? [heads, 2 * heads, 4 * heads, 8 * heads] : heads,
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}

/** What is offered where nobody asks for a size, from the largest to the smallest. */
const offered = [
  { name: "tiny", settings: { size: "tiny" }, pictures: 200_000 },
  { name: "two thirds of tiny", settings: { width: 64 }, pictures: 20_000 },
  { name: "a third of tiny", settings: { width: 32 }, pictures: 0 },
];

function offers({ side, channels, given }: SizeFacts): readonly ModelSize[] {
  const patchSize = givenNumber(given, "patchSize") ?? chooseFirstWindow(side);
  if (side % patchSize !== 0) return [];
  const map = side / patchSize;
  const window = givenNumber(given, "window") ?? chooseWindow(map / 8);
  const asked = sizeNames.find((name) => name === given["size"]);
  const named = asked === undefined ? offered : [{ name: asked, settings: { size: asked }, pictures: 0 }];
  return named.flatMap(({ name, settings, pictures }) => {
    const { data: config } = swinConfig.safeParse({ ...settings, ...given, patchSize, window });
    if (config === undefined) return []; // what is wrong with it is said where the configuration is checked
    const { width, depths } = measuresOf(config);
    const stages = depths.map((depth, i) => ({ depth, width: width * 2 ** i, side: Math.ceil(map / 2 ** i) }));
    const cells = stages.at(-1)?.side ?? 0;
    return {
      ...{ name, shown: `${name}, ${width} channels at first`, pictures, width: 8 * width, depth: sum(depths) },
      settings: notGiven({ ...settings, patchSize, window }, given),
      choices: [
        { key: "model.patchSize", value: patchSize, reason: `${cells} × ${cells} cells of ${8 * patchSize} pixels` },
        { key: "model.window", value: window, reason: `maps of ${stages.map((stage) => stage.side).join(", ")}` },
      ],
      patches: cells ** 2,
      multiplyAdds: map ** 2 * patchSize ** 2 * channels * width + sum(stages.map((stage) => work(stage, window))),
      activations: sum(stages.map((stage) => stage.depth * stage.side ** 2 * stage.width)),
    };
  });
}

/** Multiply-adds of a stage: linear layers, attention in padded windows, the merging in front of it. */
function work({ depth, width, side }: { depth: number; width: number; side: number }, window: number): number {
  const length = Math.min(side, window);
  const padded = (Math.ceil(side / length) * length) ** 2;
  const blocks = depth * (side ** 2 * 8 * width ** 2 + padded * (4 * width ** 2 + 2 * width * length ** 2));
  return blocks + side ** 2 * 2 * width ** 2;
}

/** Windows of 4 to 8 positions that divide the last map, and with it all others; 7 where there are none. */
function chooseWindow(cells: number): number {
  return [8, 7, 6, 5, 4].find((window) => cells % window === 0) ?? 7;
}

export const swin = {
  name: "swin",
  config: swinConfig,
  sized: ["width", "depths", "heads"],
  offers,
  layouts: swinLayouts("swin"),
  build: (config: SwinConfig, image: ImageShape): Swin => new Swin(config, image),
};
