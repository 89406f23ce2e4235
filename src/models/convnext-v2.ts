/**
 * ConvNeXt V2. "ConvNeXt V2: Co-designing and Scaling ConvNets with Masked Autoencoders", Woo et al., CVPR 2023,
 * arXiv 2301.00808. Code compared with: timm, facebookresearch/ConvNeXt-V2. Names in the state are the official ones.
 *
 * What differs: maps lie channels last throughout, so that convolutions whose window is their stride are products; the first
 * convolution's window is free, for small pictures; layers for decaying rates are counted by block or by group as the config says.
 * Masked encoding computes visible cells alone, as the paper's sparse convolutions do, but for the 7 × 7 windows, which see zeros.
 *
 * Expected: timm's maps and features of all eight sizes for the same weights (test/models/convnext-v2.test.ts); the paper's parameter counts.
 */
import { z } from "zod";
import { ShapeError } from "../engine/errors.js";
import { ConfigError } from "../errors.js";
import { DepthwiseConv, PatchConv } from "../nn/convolution/conv.js";
import { GlobalResponseNorm } from "../nn/convolution/global-response-norm.js";
import { type CellLines, type CellMask, cellLines, stack, unstack } from "../nn/convolution/visible-cells.js";
import { DropPath, dropPathRates } from "../nn/drop-path.js";
import { truncatedNormal, zero } from "../nn/init.js";
import { LayerNorm } from "../nn/layer-norm.js";
import { Linear } from "../nn/linear.js";
import { Chain, Module } from "../nn/module.js";
import type { Size } from "../nn/patches.js";
import { addBranch, gelu } from "../tensor/functional.js";
import type { Tensor } from "../tensor/tensor.js";
import type { DenseEncoder, FeatureMap, ImageShape, Part } from "./encoder.js";
import { type ExportGraph, encoderOfMaps } from "./exports.js";
import { convnextV2Layouts } from "./published/convnext-v2.js";
import { chooseFirstWindow, givenNumber, type ModelSize, namedSizes, notGiven, type SizeFacts } from "./sizes.js";

/** First stage's width, which doubles from stage to stage, and blocks of each stage (paper, appendix A.1). */
export const convnextV2Sizes = {
  atto: { width: 40, depths: [2, 2, 6, 2] },
  femto: { width: 48, depths: [2, 2, 6, 2] },
  pico: { width: 64, depths: [2, 2, 6, 2] },
  nano: { width: 80, depths: [2, 2, 8, 2] },
  tiny: { width: 96, depths: [3, 3, 9, 3] },
  base: { width: 128, depths: [3, 3, 27, 3] },
  large: { width: 192, depths: [3, 3, 27, 3] },
  huge: { width: 352, depths: [3, 3, 27, 3] },
} as const;

type Four = readonly [number, number, number, number];

const positive = z.int().positive();
const four = z.tuple([positive, positive, positive, positive]);
const sizeNames = Object.keys(convnextV2Sizes) as [keyof typeof convnextV2Sizes];

/** Schema of a ConvNeXt V2's sizes. */
export const convnextV2Config = z.strictObject({
  name: z.literal("convnextV2").default("convnextV2"),
  size: z.enum(sizeNames).default("tiny").describe("widths and depths by name; each can be set by itself too"),
  widths: z
    .union([positive, four])
    .optional()
    .describe("channels of the first stage, doubled from stage to stage, or of each of the four"),
  depths: four.optional().describe("blocks of each of the four stages"),
  stem: positive
    .default(4)
    .describe(
      "side in pixels of the first convolution's window; the last map has a cell for 8 × 8 windows (1 or 2 for 32 px)",
    ),
  dropPath: z
    .number()
    .min(0)
    .lt(1)
    .default(0)
    .describe("stochastic depth: rate of the last block, growing linearly from 0; for supervised training"),
  decayBy: z
    .enum(["block", "group"])
    .default("block")
    .describe("layers of a layer-wise decaying rate: every block, or groups of three blocks (paper: base and large)"),
});
/** A ConvNeXt V2's sizes with their defaults filled in. */
export type ConvnextV2Config = z.output<typeof convnextV2Config>;

const weightInit = truncatedNormal(0.02);
const firstValues = { weightInit, biasInit: zero };

/** Depthwise 7 × 7, norm, an MLP with global response normalisation, the residual (paper, figure 5); no layer scale. */
export class ConvnextV2Block extends Module<[Tensor, Tensor?, Tensor?]> {
  readonly dwconv: DepthwiseConv;
  readonly norm: LayerNorm;
  readonly pwconv1: Linear;
  readonly grn: GlobalResponseNorm;
  readonly pwconv2: Linear;
  readonly dropPath: DropPath;

  constructor(width: number, dropPath = 0) {
    super();
    this.dwconv = new DepthwiseConv(width, 7, firstValues);
    this.norm = new LayerNorm(width, { forProducts: true });
    this.pwconv1 = new Linear(width, 4 * width, { weightInit });
    this.grn = new GlobalResponseNorm(4 * width);
    this.pwconv2 = new Linear(4 * width, width, { weightInit });
    this.dropPath = new DropPath(dropPath);
  }

  /**
   * x [B H W C] -> [B H W C]; or, of visible cells alone, a stack [B K·r r C] with where its lines lie (nn/convolution/visible-cells.ts).
   * Visible sites see visible sites alone: the window, and the norm over positions, are all that mixes sites.
   */
  protected forward(x: Tensor, taken?: Tensor, placed?: Tensor): Tensor {
    const isStack = taken !== undefined && placed !== undefined;
    const map = this.dwconv.call(isStack ? unstack(x, placed) : x); // [B H W C]
    const convolved = isStack ? stack(map, taken, x.side(2)) : map; // [B H W C]
    const hidden = gelu(this.pwconv1.call(this.norm.call(convolved))); // [B H W 4C]
    return addBranch(x, this.dropPath.call(this.pwconv2.call(this.grn.call(hidden)))); // [B H W C]
  }
}

/** ConvNeXt V2, which can hide cells of its last map: image [B C H W] -> map [B D h w]. State as the official code's. */
export class ConvnextV2 extends Module<[Tensor, CellMask?], Tensor> implements DenseEncoder {
  /** The first convolution and its norm; between stages a norm and a convolution that halves the sides. */
  readonly downsampleLayers: readonly Chain<Module>[];
  /** `stages` in the state. */
  readonly stageBlocks: readonly Chain<ConvnextV2Block>[];
  readonly norm: LayerNorm;

  readonly widths: Four;
  readonly depths: Four;
  readonly width: number;
  readonly channels: number;
  readonly imageSize: Size;
  /** Pixels for one cell of the last map, down and across. */
  readonly stride: Size;
  /** Cells of the last map, down and across. */
  readonly grid: Size;
  readonly pools = ["mean"] as const;
  readonly behindStages = ["norm.weight", "norm.bias"] as const;
  private readonly decayBy: ConvnextV2Config["decayBy"];

  constructor(config: ConvnextV2Config, image: ImageShape) {
    super();
    ({ widths: this.widths, depths: this.depths } = measuresOf(config));
    this.width = this.widths[3];
    this.channels = image.channels;
    this.imageSize = image.imageSize;
    this.decayBy = config.decayBy;
    this.stride = [config.stem * 8, config.stem * 8];
    this.grid = this.cellsOf(image.imageSize);
    const rates = dropPathRates(config.dropPath, sum(this.depths));
    this.downsampleLayers = this.widths.map((width, i) => {
      const before = this.widths[i - 1];
      return new Chain<Module>(
        before === undefined
          ? [new PatchConv(image.channels, width, config.stem, firstValues), new LayerNorm(width)]
          : [new LayerNorm(before, { forProducts: true }), new PatchConv(before, width, 2, firstValues)],
      );
    });
    this.stageBlocks = this.widths.map(
      (width, i) => new Chain(rates.splice(0, this.depths[i]).map((rate) => new ConvnextV2Block(width, rate))),
    );
    this.norm = new LayerNorm(this.width);
  }

  get sizes() {
    return { widths: this.widths, depths: this.depths, stem: this.stride[0] / 8 };
  }

  /** The official names: `stages` is a function here. */
  override children(): [string, Part][] {
    return super.children().map(([key, child]) => [key.replace(/^stage_blocks\./, "stages."), child]);
  }

  /** image [B C H W] -> the map of every stage, channels last, finest first; with a mask, stacks of the visible cells */
  private maps(image: Tensor, mask?: CellMask): Tensor[] {
    const grid = this.cellsOf([image.side(2), image.side(3)]);
    const lines = (side: number): CellLines | undefined => mask && cellLines(mask, grid, side);
    const pixels = image.permute([0, 2, 3, 1]); // [B H W C]
    const whole = lines(this.stride[0]);
    let x = whole === undefined ? pixels : stack(pixels, whole.taken, this.stride[0]); // [B H W C]
    return this.stageBlocks.map((stage, i) => {
      x = (this.downsampleLayers[i] as Chain<Module>).call(x); // [B H W C]
      const { taken, placed } = lines(x.side(2)) ?? {};
      x = taken === undefined || placed === undefined ? stage.call(x) : stage.call(x, taken, placed); // [B H W C]
      return x;
    });
  }

  /** image [B C H W] -> the last stage's map before the norm [B D h w], zero at cells that the mask hides */
  protected forward(image: Tensor, mask?: CellMask): Tensor {
    const last = this.maps(image, mask).at(-1) as Tensor; // [B h w D]
    if (mask === undefined) return last.permute([0, 3, 1, 2]);
    const { placed } = cellLines(mask, this.cellsOf([image.side(2), image.side(3)]), 1);
    return unstack(last, placed).permute([0, 3, 1, 2]);
  }

  /**
   * Encodes the visible cells alone (paper, section 3): image [B C H W] -> map [B D h w], zero at hidden cells. A visible cell has
   * the features that a sparse encoder gives it, whatever hidden pixels are. Hidden cells cost what the 7 × 7 windows cost.
   */
  encodeMasked(image: Tensor, mask: CellMask): Tensor {
    const [h, w] = this.cellsOf([image.side(2), image.side(3)]);
    const { restore } = mask;
    if (restore.rank !== 2 || restore.side(0) !== image.side(0) || restore.side(1) !== h * w) {
      const maps = `${image.side(0)} maps of ${h} × ${w} cells`;
      throw new ShapeError({
        problem: `a mask of [${restore.shape.join(" ")}] does not fit ${maps}.`,
        code: "shape",
        expected: [image.side(0), h * w],
        actual: restore.shape,
      });
    }
    return this.call(image, mask);
  }

  /** image [B C H W] -> norm of the mean over positions [B D], which is what the official classifier is given */
  features(image: Tensor): Tensor {
    return this.featuresOf(this.call(image).mean([2, 3])); // [B D]
  }

  /** mean over positions [B D] -> normed [B D] */
  featuresOf(mean: Tensor): Tensor {
    return this.norm.call(mean);
  }

  /** image [B C H W] -> the four stages' maps [B C h w], not normed: dense heads put their own norms behind */
  stages(image: Tensor): readonly FeatureMap[] {
    const finest = this.stride.map((side) => side / 8) as unknown as Size;
    return this.maps(image).map((map, i) => ({
      map: map.permute([0, 3, 1, 2]),
      stride: [finest[0] * 2 ** i, finest[1] * 2 ** i],
    }));
  }

  /** Blocks, or groups of blocks: one a stage, but of the third stage one for every three blocks. */
  get depth(): number {
    return this.decayBy === "block" ? sum(this.depths) : 3 + Math.ceil(this.depths[2] / 3);
  }

  /**
   * By block: a convolution between stages belongs to the block behind it, and so does the first (layer 1). By group: the first
   * convolution is layer 0, and that before the last stage belongs to it. Norm and classifier: depth + 1. (Official `optim_factory.py`.)
   */
  layerOf(name: string): number {
    const [, kind, stage, block] = /^(downsample_layers|stages)\.(\d)\.(\d+)\./.exec(name) ?? [];
    if (kind === undefined) return this.depth + 1;
    const [s, b] = [Number(stage), kind === "stages" ? Number(block) : 0];
    if (this.decayBy === "block") return sum(this.depths.slice(0, s)) + b + 1;
    if (kind === "downsample_layers" && s === 0) return 0;
    return [1, 2, 3 + Math.floor(b / 3), this.depth][s] as number;
  }

  /** The last layers, with the convolutions in front of them; half a layer is the last block's part behind the window. */
  lastLayers(count: number): readonly Part[] {
    const last = this.stageBlocks[3]?.links.at(-1) as ConvnextV2Block;
    if (count > 0 && count < 1)
      return [last.norm, last.pwconv1, last.grn, last.pwconv2, last.dropPath, this.norm] as readonly Part[];
    const named = [
      ...this.downsampleLayers.map((part, s): [string, Part] => [`downsample_layers.${s}.0.`, part as Part]),
      ...this.layerPaths.map((path): [string, Part] => [`${path}.`, this.blockAt(path) as Part]),
      ["norm.", this.norm as Part] as const,
    ];
    return named.flatMap(([name, part]) => (this.layerOf(name) > this.depth - count ? [part] : []));
  }

  get layerPaths(): readonly string[] {
    return this.stageBlocks.flatMap(({ links }, s) => links.map((_, b) => `stages.${s}.${b}`));
  }

  private blockAt(path: string): ConvnextV2Block {
    const [, s, b] = path.split(".");
    return this.stageBlocks[Number(s)]?.links[Number(b)] as ConvnextV2Block;
  }

  exports(): readonly ExportGraph[] {
    return [encoderOfMaps(this, "norm of the mean over positions")];
  }

  setCheckpointing(on: boolean): void {
    for (const stage of this.stageBlocks) stage.checkpointing = on;
  }

  accepts(size: Size): boolean {
    return size.every((side, i) => side % (this.stride[i] ?? 1) === 0);
  }

  /** Cells of the last map of a picture. @throws ConfigError that names the nearest size which fits */
  private cellsOf(image: Size): Size {
    if (this.accepts(image)) return [image[0] / this.stride[0], image[1] / this.stride[1]];
    const near = image.map((side, i) => Math.max(1, Math.round(side / (this.stride[i] ?? 1))) * (this.stride[i] ?? 1));
    const [size, stride] = [image.join(" × "), this.stride.join(" × ")];
    throw new ConfigError({
      problem: `imageSize ${size} is not a multiple of the stride ${stride} (nearest: ${near.join(" × ")}).`,
      code: "image-size",
      path: "data.imageSize",
      expected: near,
      actual: image,
      remedy: "Or set model.stem: the stride is 8 times it.",
    });
  }
}

/** Channels and blocks of the four stages. */
function measuresOf(config: ConvnextV2Config): { readonly widths: Four; readonly depths: Four } {
  const size = convnextV2Sizes[config.size];
  const widths = config.widths ?? size.width;
  return {
    widths: typeof widths === "number" ? [widths, 2 * widths, 4 * widths, 8 * widths] : widths,
    depths: config.depths ?? size.depths,
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}

/** From how many pictures on a size is offered. */
const offered = { tiny: 200_000, nano: 20_000, pico: 5_000, atto: 0 } as const;

function offers({ side, channels, given }: SizeFacts): readonly ModelSize[] {
  const stem = givenNumber(given, "stem") ?? chooseFirstWindow(side);
  const grid = side / (8 * stem);
  if (!Number.isInteger(grid)) return [];
  return namedSizes(offered, sizeNames, given).flatMap(({ name, pictures }) => {
    const { data: config } = convnextV2Config.safeParse({ ...given, size: name, stem });
    if (config === undefined) return []; // what is wrong with it is said where the configuration is checked
    const { widths, depths } = measuresOf(config);
    const stages = widths.map((width, i) => ({
      width,
      depth: depths[i] as number,
      positions: (side / stem / 2 ** i) ** 2,
    }));
    const firsts = stages.map(
      ({ width, positions }, i) => positions * width * (i === 0 ? stem ** 2 * channels : 2 * width),
    );
    const blocks = stages.map(({ width, depth, positions }) => depth * positions * width * (49 + 8 * width));
    return {
      ...{
        name,
        shown: `${name}, ${widths.join(" ")} channels`,
        pictures,
      },
      settings: notGiven({ size: name, stem }, given),
      choices: [{ key: "model.stem", value: stem, reason: `${grid} × ${grid} cells of ${8 * stem} pixels` }],
      ...{ width: widths[3], depth: sum(depths), patches: grid ** 2 },
      multiplyAdds: sum(firsts) + sum(blocks),
      windows: sum(stages.map(({ width, depth, positions }) => depth * positions * width * 49)),
      activations: sum(stages.map(({ width, depth, positions }) => width * depth * positions)),
    };
  });
}

export const convnextV2 = {
  name: "convnextV2",
  config: convnextV2Config,
  sized: ["widths", "depths"],
  offers,
  layouts: convnextV2Layouts("convnextV2"),
  build: (config: ConvnextV2Config, image: ImageShape): ConvnextV2 => new ConvnextV2(config, image),
};
