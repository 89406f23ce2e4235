/**
 * ResNet. "Deep Residual Learning for Image Recognition", He, Zhang, Ren, Sun, CVPR 2016, arXiv 1512.03385. Code compared with:
 * torchvision, whose names the state has (timm's are the same). Bottlenecks stride in the 3 × 3 convolution ("v1.5"), as there.
 *
 * What differs: besides ImageNet's stem the one for pictures of 32 pixels (SimCLR, appendix B.9): 3 × 3, stride 1, no pooling;
 * depths and width are free; counters of batches are not kept, since nothing reads them.
 *
 * Expected: torchvision's maps, features and gradients for the same weights (test/models/resnet.test.ts).
 */
import { z } from "zod";
import { BatchNorm2d } from "../nn/batch-norm.js";
import { Conv2d } from "../nn/convolution/conv.js";
import { DropPath, dropPathRates } from "../nn/drop-path.js";
import { kaimingNormalFanOut, one, zero } from "../nn/init.js";
import { Chain, Module } from "../nn/module.js";
import type { Size } from "../nn/patches.js";
import { channelsLast, maxPool2d } from "../tensor/functional.js";
import type { Tensor } from "../tensor/tensor.js";
import type { FeatureMap, ImageShape, Part, RegionEncoder } from "./encoder.js";
import { type ExportGraph, encoderOfMaps } from "./exports.js";
import { resnetLayouts } from "./published/resnet.js";
import { type ModelSize, namedSizes, notGiven, type SizeFacts } from "./sizes.js";

/** Block and depths of the four stages (paper, table 1). */
export const resnetSizes = {
  resnet18: { block: "basic", depths: [2, 2, 2, 2] },
  resnet34: { block: "basic", depths: [3, 4, 6, 3] },
  resnet50: { block: "bottleneck", depths: [3, 4, 6, 3] },
  resnet101: { block: "bottleneck", depths: [3, 4, 23, 3] },
  resnet152: { block: "bottleneck", depths: [3, 8, 36, 3] },
} as const;

type Four = readonly [number, number, number, number];

const positive = z.int().positive();
const sizeNames = Object.keys(resnetSizes) as [keyof typeof resnetSizes];

/** Schema of a ResNet's sizes. */
export const resnetConfig = z.strictObject({
  name: z.literal("resnet").default("resnet"),
  size: z.enum(sizeNames).default("resnet50").describe("block and depths by name; each can be set by itself too"),
  block: z
    .enum(["basic", "bottleneck"])
    .optional()
    .describe("two 3 × 3 convolutions, or 1 × 1, 3 × 3 and 1 × 1 with a fourfold output"),
  depths: z.tuple([positive, positive, positive, positive]).optional().describe("blocks of each of the four stages"),
  width: positive.default(64).describe("channels of the first convolution; stages have 1, 2, 4 and 8 times as many"),
  stem: z
    .enum(["imagenet", "cifar"])
    .default("imagenet")
    .describe("7 × 7 of stride 2 and a pooling, or, for small pictures, 3 × 3 of stride 1 and none"),
  normSplits: positive
    .default(1)
    .describe(
      "parts of a batch that its norms treat apart while training, as on so many devices (MoCo shuffles keys over them)",
    ),
  zeroInitResidual: z
    .boolean()
    .default(false)
    .describe("the last norm of each block starts at zero, so that a block starts as the identity (Goyal et al. 2017)"),
  dropPath: z
    .number()
    .min(0)
    .lt(1)
    .default(0)
    .describe(
      "stochastic depth: rate of the last block, growing linearly from 0 (Huang et al. 2016); torchvision has none",
    ),
});
/** A ResNet's sizes with their defaults filled in. */
export type ResnetConfig = z.output<typeof resnetConfig>;

const convolution = (inputs: number, outputs: number, side: number, stride = 1): Conv2d =>
  new Conv2d(inputs, outputs, side, {
    stride,
    padding: (side - 1) / 2,
    bias: false,
    weightInit: kaimingNormalFanOut,
  });

interface BlockOptions {
  readonly stride: number;
  readonly normSplits: number;
  readonly zeroInitResidual: boolean;
  readonly dropPath: number;
}

/** What both blocks share: the other way around, which is a convolution where sides or channels change. */
abstract class ResidualBlock extends Module {
  /** x [B I H W] -> the branch before the sum [B O h w] */
  protected abstract branch(x: Tensor): Tensor;
  protected abstract readonly downsample: Chain<Module> | null;
  readonly dropPath: DropPath;

  constructor(dropPath: number) {
    super();
    this.dropPath = new DropPath(dropPath);
  }

  /** The last convolution and its norm. */
  abstract secondHalf(): readonly Module[];

  /** x [B I H W] -> [B O h w] */
  protected forward(x: Tensor): Tensor {
    const branch = this.dropPath.call(this.branch(x)); // [B O h w]
    return branch.add(this.downsample === null ? x : this.downsample.call(x)).relu(); // [B O h w]
  }
}

function downsampling(inputs: number, outputs: number, options: BlockOptions): Chain<Module> | null {
  const { stride } = options;
  if (inputs === outputs && stride === 1) return null;
  return new Chain<Module>([convolution(inputs, outputs, 1, stride), norm(outputs, options)]);
}

const norm = (width: number, { normSplits: splits }: Pick<BlockOptions, "normSplits">): BatchNorm2d =>
  new BatchNorm2d(width, { splits });
const lastNorm = (width: number, { zeroInitResidual, normSplits: splits }: BlockOptions): BatchNorm2d =>
  new BatchNorm2d(width, { splits, weightInit: zeroInitResidual ? zero : one });

class BasicBlock extends ResidualBlock {
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly conv2: Conv2d;
  readonly bn2: BatchNorm2d;
  readonly downsample: Chain<Module> | null;

  constructor(inputs: number, width: number, options: BlockOptions) {
    super(options.dropPath);
    this.conv1 = convolution(inputs, width, 3, options.stride);
    this.bn1 = norm(width, options);
    this.conv2 = convolution(width, width, 3);
    this.bn2 = lastNorm(width, options);
    this.downsample = downsampling(inputs, width, options);
  }

  protected branch(x: Tensor): Tensor {
    const hidden = this.bn1.call(this.conv1.call(x)).relu(); // [B O h w]
    return this.bn2.call(this.conv2.call(hidden)); // [B O h w]
  }

  secondHalf(): readonly Module[] {
    return [this.conv2, this.bn2];
  }
}

class Bottleneck extends ResidualBlock {
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly conv2: Conv2d;
  readonly bn2: BatchNorm2d;
  readonly conv3: Conv2d;
  readonly bn3: BatchNorm2d;
  readonly downsample: Chain<Module> | null;

  constructor(inputs: number, width: number, options: BlockOptions) {
    super(options.dropPath);
    this.conv1 = convolution(inputs, width, 1);
    this.bn1 = norm(width, options);
    this.conv2 = convolution(width, width, 3, options.stride);
    this.bn2 = norm(width, options);
    this.conv3 = convolution(width, 4 * width, 1);
    this.bn3 = lastNorm(4 * width, options);
    this.downsample = downsampling(inputs, 4 * width, options);
  }

  protected branch(x: Tensor): Tensor {
    const narrow = this.bn1.call(this.conv1.call(x)).relu(); // [B O/4 H W]
    const convolved = this.bn2.call(this.conv2.call(narrow)).relu(); // [B O/4 h w]
    return this.bn3.call(this.conv3.call(convolved)); // [B O h w]
  }

  secondHalf(): readonly Module[] {
    return [this.conv3, this.bn3];
  }
}

const blocks = { basic: { type: BasicBlock, expansion: 1 }, bottleneck: { type: Bottleneck, expansion: 4 } } as const;

/** ResNet: image [B C H W] -> map [B D h w]. State as torchvision's. */
export class Resnet extends Module implements RegionEncoder {
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly layer1: Chain<ResidualBlock>;
  readonly layer2: Chain<ResidualBlock>;
  readonly layer3: Chain<ResidualBlock>;
  readonly layer4: Chain<ResidualBlock>;

  readonly depths: Four;
  readonly width: number;
  readonly channels: number;
  readonly imageSize: Size;
  /** Pixels for one cell of the last map, down and across. */
  readonly stride: Size;
  readonly pools = ["mean"] as const;
  readonly normSplits: number;
  readonly sizes: Readonly<Record<string, unknown>>;
  private readonly stem: ResnetConfig["stem"];

  constructor(config: ResnetConfig, image: ImageShape) {
    super();
    const size = resnetSizes[config.size];
    const kind = config.block ?? size.block;
    const { type: Block, expansion } = blocks[kind];
    this.depths = config.depths ?? size.depths;
    this.stem = config.stem;
    this.normSplits = config.normSplits;
    this.sizes = { block: kind, depths: this.depths, width: config.width, stem: config.stem };
    this.channels = image.channels;
    this.imageSize = image.imageSize;
    this.stride = config.stem === "cifar" ? [8, 8] : [32, 32];
    this.conv1 =
      config.stem === "cifar"
        ? convolution(image.channels, config.width, 3)
        : convolution(image.channels, config.width, 7, 2);
    this.bn1 = norm(config.width, config);
    const rates = dropPathRates(config.dropPath, this.depth);
    let inputs = config.width;
    const [layer1, layer2, layer3, layer4] = this.depths.map((depth, i) => {
      const width = config.width * 2 ** i;
      const links = rates.splice(0, depth).map((dropPath, k) => {
        const { zeroInitResidual, normSplits } = config;
        const stride = i > 0 && k === 0 ? 2 : 1;
        const block = new Block(inputs, width, { stride, normSplits, zeroInitResidual, dropPath });
        inputs = width * expansion;
        return block;
      });
      return new Chain<ResidualBlock>(links);
    }) as [Chain<ResidualBlock>, Chain<ResidualBlock>, Chain<ResidualBlock>, Chain<ResidualBlock>];
    this.layer1 = layer1;
    this.layer2 = layer2;
    this.layer3 = layer3;
    this.layer4 = layer4;
    this.width = inputs;
  }

  /** image [B C H W] -> the map of every stage, finest first: [B C h w] */
  private maps(image: Tensor): Tensor[] {
    const first = this.bn1.call(this.conv1.call(channelsLast(image))).relu(); // [B C H W], or half the sides
    let x = this.stem === "cifar" ? first : maxPool2d(first, 3, 2, 1); // [B C h w]
    return this.layers.map((layer) => {
      x = layer.call(x); // [B C h w]
      return x;
    });
  }

  /** image [B C H W] -> the last stage's map [B D h w] */
  protected forward(image: Tensor): Tensor {
    return this.maps(image).at(-1) as Tensor;
  }

  /** image [B C H W] -> mean over positions [B D] */
  features(image: Tensor): Tensor {
    return this.call(image).mean([2, 3]); // [B D]
  }

  /** image [B C H W] -> positions of the last map [B N D] */
  regions(image: Tensor): Tensor {
    return this.call(image).flatten(2).transpose(1, 2);
  }

  private get layers(): Chain<ResidualBlock>[] {
    return [this.layer1, this.layer2, this.layer3, this.layer4];
  }

  /** image [B C H W] -> the four stages' maps [B C h w] */
  stages(image: Tensor): readonly FeatureMap[] {
    return this.maps(image).map((map, i): FeatureMap => {
      const side = this.stride[0] / 2 ** (3 - i);
      return { map, stride: [side, side] };
    });
  }

  /** Blocks. */
  get depth(): number {
    return this.depths.reduce((a, b) => a + b, 0);
  }

  /** 0: the first convolution; i + 1: block i; depth + 1: what comes behind. */
  layerOf(name: string): number {
    if (/^(conv1|bn1)\./.test(name)) return 0;
    const [, layer, block] = /^layer(\d)\.(\d+)\./.exec(name) ?? [];
    if (layer === undefined) return this.depth + 1;
    return 1 + this.depths.slice(0, Number(layer) - 1).reduce((a, b) => a + b, 0) + Number(block);
  }

  /** The last blocks; half a block is its last convolution. */
  lastLayers(count: number): readonly Part[] {
    if (count === 0) return [];
    const links = this.layers.flatMap((layer) => [...layer.links]);
    const last = links.at(-1) as ResidualBlock;
    return (count >= 1 ? links.slice(-count) : last.secondHalf()) as readonly Part[];
  }

  get layerPaths(): readonly string[] {
    return this.layers.flatMap(({ links }, i) => links.map((_, b) => `layer${i + 1}.${b}`));
  }

  exports(): readonly ExportGraph[] {
    return [encoderOfMaps(this, "mean over positions")];
  }

  setCheckpointing(on: boolean): void {
    for (const layer of this.layers) layer.checkpointing = on;
  }

  accepts([height, width]: Size): boolean {
    return height > 0 && width > 0;
  }
}

/** From how many pictures on a size is offered. */
const offered = { resnet50: 200_000, resnet34: 20_000, resnet18: 0 } as const;

function offers({ side, channels, given }: SizeFacts): readonly ModelSize[] {
  const stem = given["stem"] ?? (side <= 64 ? "cifar" : "imagenet");
  const reason = stem === "cifar" ? "small pictures keep their size at first" : "the first layers divide sides by 4";
  return namedSizes(offered, sizeNames, given).flatMap(({ name, pictures }) => {
    const { data: config } = resnetConfig.safeParse({ ...given, size: name, stem });
    if (config === undefined) return []; // what is wrong with it is said where the configuration is checked
    const { width, block = resnetSizes[name].block, depths = resnetSizes[name].depths } = config;
    const stages = stagesOf(stem === "cifar" ? side : side / 4, width, block, depths);
    const last = stages[3] as Stage;
    const stemWork = (stem === "cifar" ? 9 * side ** 2 : 49 * Math.ceil(side / 2) ** 2) * channels * width;
    return {
      ...{ name, shown: `${name.slice("resnet".length)} layers, ${width} channels at first` },
      pictures,
      settings: notGiven({ size: name, stem }, given),
      choices: [{ key: "model.stem", value: stem, reason }],
      ...{ width: last.outputs, depth: depths.reduce((a, b) => a + b, 0), patches: last.positions },
      multiplyAdds: stemWork + stages.reduce((sum, stage) => sum + multiplyAddsOf(stage), 0),
      activations: stages.reduce((sum, { depth, positions, outputs }) => sum + (depth * positions * outputs) / 3, 0),
    };
  });
}

interface Stage {
  readonly block: "basic" | "bottleneck";
  readonly depth: number;
  readonly width: number;
  readonly inputs: number;
  readonly outputs: number;
  /** Of its maps, and of the map that it is given. */
  readonly positions: number;
  readonly positionsBefore: number;
}

/** @param side of the first stage's maps */
function stagesOf(side: number, width: number, block: Stage["block"], depths: Four): Stage[] {
  const expansion = block === "basic" ? 1 : 4;
  const positions = (i: number): number => Math.ceil(side / 2 ** Math.max(0, i)) ** 2;
  return depths.map((depth, i) => ({
    ...{ block, depth, width: width * 2 ** i, outputs: expansion * width * 2 ** i },
    inputs: i === 0 ? width : expansion * width * 2 ** (i - 1),
    ...{ positions: positions(i), positionsBefore: positions(i - 1) },
  }));
}

/** Of a stage's blocks: the first takes what comes in, and has a convolution around it where that has another width. */
function multiplyAddsOf({ block, depth, width, inputs, outputs, positions, positionsBefore }: Stage): number {
  const around = inputs === outputs ? 0 : positions * inputs * outputs;
  const [first, other] =
    block === "basic"
      ? [positions * width * (9 * inputs + 9 * width), positions * width * 18 * width]
      : [positionsBefore * inputs * width + positions * 13 * width ** 2, positions * 17 * width ** 2];
  return around + first + (depth - 1) * other;
}

/** Each convolution has one of its own. */
function normBehind(weight: string): string | undefined {
  const [, before, place] = /^(.*?)(conv\d|downsample\.0)\.weight$/.exec(weight) ?? [];
  if (before === undefined || place === undefined) return undefined;
  return before + (place === "downsample.0" ? "downsample.1" : place.replace("conv", "bn"));
}

export const resnet = {
  name: "resnet",
  config: resnetConfig,
  sized: ["block", "depths"],
  offers,
  layouts: resnetLayouts("resnet"),
  normBehind,
  build: (config: ResnetConfig, image: ImageShape): Resnet => new Resnet(config, image),
};
