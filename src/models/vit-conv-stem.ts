/**
 * Vision Transformer with a convolutional stem. "Early Convolutions Help Transformers See Better", Xiao, Singh, Mintun, Darrell, Dollár,
 * Girshick; NeurIPS 2021, arXiv 2106.14881. Code compared with: torchvision's VisionTransformer with `conv_stem_configs`, pycls for first values.
 *
 * In place of one p × p convolution whose steps are as long as it is wide stands a stack of 3 × 3 ones, most of which halve the map
 * (section 4); one block less pays for it. Neighbouring patches meet in the stem, so methods that hide patches do not take this encoder.
 *
 * Differences: the norms of the Transformer have ε = 1e-6 (pycls: 1e-5); `patchSize` gives stems for other patches than the paper's 16.
 * Expected: torchvision's forward and gradients for the same weights; the paper's parameter counts (test/models/vit-conv-stem.test.ts).
 */
import { z } from "zod";
import { ConfigError } from "../errors.js";
import { BatchNorm2d } from "../nn/batch-norm.js";
import { Conv2d } from "../nn/convolution/conv.js";
import { normal, zero } from "../nn/init.js";
import { Chain, Module } from "../nn/module.js";
import type { Tensor } from "../tensor/tensor.js";
import type { ImageShape } from "./encoder.js";
import { blockMultiplyAdds, givenNumber, type ModelSize, namedSizes, notGiven, type SizeFacts } from "./sizes.js";
import { VitTrunk } from "./vit-trunk.js";

/** A 3 × 3 convolution of the stem: its channels, and whether it halves the map. */
interface StemLayer {
  readonly channels: number;
  readonly stride: 1 | 2;
}

const wide: readonly StemLayer[] = [
  { channels: 64, stride: 2 },
  { channels: 128, stride: 2 },
  { channels: 128, stride: 1 },
  { channels: 256, stride: 2 },
  { channels: 256, stride: 1 },
  { channels: 512, stride: 2 },
];

/** By GFLOPs on 224 px (tables 1 and 6 of the paper); a stem that is not listed follows from width and patch. */
export const vitConvStemSizes = {
  "1GF": { width: 192, depth: 11, heads: 3, mlpRatio: 3 },
  "4GF": { width: 384, depth: 11, heads: 6, mlpRatio: 3 },
  "18GF": { width: 768, depth: 11, heads: 12, mlpRatio: 4, stem: wide },
  "36GF": { width: 1024, depth: 13, heads: 16, mlpRatio: 4, stem: wide },
} as const;

const positive = z.int().positive();
const sizeNames = Object.keys(vitConvStemSizes) as [keyof typeof vitConvStemSizes];

/** Schema of a ViT with a convolutional stem. */
export const vitConvStemConfig = z.strictObject({
  name: z.literal("vitConvStem").default("vitConvStem"),
  size: z.enum(sizeNames).default("1GF").describe("by GFLOPs on 224 px; each part can be set by itself too"),
  width: positive.optional().describe("token width; a multiple of heads and of 4"),
  depth: positive.optional().describe("number of blocks"),
  heads: positive.optional().describe("attention heads"),
  mlpRatio: z.number().positive().optional().describe("hidden width of the MLP over the token width"),
  patchSize: z
    .union([z.literal(2), z.literal(4), z.literal(8), z.literal(16), z.literal(32)])
    .default(16)
    .describe("pixels of a token, down and across: what the strides of the stem come to"),
  stem: z
    .array(z.strictObject({ channels: positive, stride: z.union([z.literal(1), z.literal(2)]) }))
    .min(1)
    .optional()
    .describe(
      "3 × 3 convolutions; if absent the size's own, or one for each halving, with channels that double up to the width",
    ),
  positions: z
    .enum(["sinCos", "learned"])
    .default("learned")
    .describe("a fixed sine-cosine table, or one that is learned"),
  positionOffset: z.number().min(0).default(0).describe("as a ViT's"),
  dropPath: z
    .number()
    .min(0)
    .lt(1)
    .default(0)
    .describe("stochastic depth: rate of the last block's branches, growing linearly from 0"),
});
/** A ViT with a convolutional stem, its defaults filled in. */
export type VitConvStemConfig = z.output<typeof vitConvStemConfig>;

/** A convolution of the stem, its norm, and ReLU. */
class StemConv extends Module {
  readonly conv: Conv2d;
  readonly bn: BatchNorm2d;

  constructor(inputs: number, { channels, stride }: StemLayer) {
    super();
    const weightInit = normal(Math.sqrt(2 / channels));
    this.conv = new Conv2d(inputs, channels, 3, { stride, padding: 1, bias: false, weightInit });
    this.bn = new BatchNorm2d(channels);
  }

  /** x [B I H W] -> [B O h w] */
  protected forward(x: Tensor): Tensor {
    return this.bn.call(this.conv.call(x)).relu();
  }
}

/** The stem: convolutions with norms, and a last one of 1 × 1 without. */
class ConvStem extends Module {
  readonly layers: Chain<StemConv>;
  readonly last: Conv2d;

  constructor(channels: number, layers: readonly StemLayer[], width: number) {
    super();
    const inputs = [channels, ...layers.map((layer) => layer.channels)];
    this.layers = new Chain(layers.map((layer, i) => new StemConv(inputs[i] as number, layer)));
    this.last = new Conv2d(inputs.at(-1) as number, width, 1, {
      weightInit: normal(Math.sqrt(1 / width)),
      biasInit: zero,
    });
  }

  /** image [B C H W] -> tokens row by row [B N D] */
  protected forward(image: Tensor): Tensor {
    const map = this.last.call(this.layers.call(image)); // [B D h w]
    return map.flatten(2).transpose(1, 2); // [B N D]
  }
}

/** Vision Transformer whose tokens come from a stack of convolutions: image [B C H W] -> tokens [B 1+N D]. */
export class VitConvStem extends VitTrunk<ConvStem> {
  private readonly stem: readonly StemLayer[];

  constructor(config: VitConvStemConfig, image: ImageShape) {
    const settled = settle(config);
    super(settled, image, () => new ConvStem(image.channels, settled.stem, settled.width));
    this.stem = settled.stem;
  }

  override get sizes() {
    return { ...super.sizes, stem: this.stem };
  }

  /** image [B C H W] -> [B N D] */
  protected tokens(image: Tensor): Tensor {
    return this.patchEmbed.call(image);
  }
}

interface Settled extends Omit<VitConvStemConfig, "stem"> {
  readonly width: number;
  readonly depth: number;
  readonly heads: number;
  readonly mlpRatio: number;
  readonly stem: readonly StemLayer[];
}

/** @throws ConfigError where the strides do not come to the patch */
function settle(config: VitConvStemConfig): Settled {
  const size = vitConvStemSizes[config.size];
  const { width = size.width, depth = size.depth, heads = size.heads, mlpRatio = size.mlpRatio, patchSize } = config;
  const isOwn = config.width === undefined && patchSize === 16;
  const stem = config.stem ?? (isOwn && "stem" in size ? size.stem : doubling(width, patchSize));
  const strides = stem.reduce((product, { stride }) => product * stride, 1);
  if (strides !== patchSize)
    throw new ConfigError({
      problem: `the strides of the stem come to ${strides}, the patch is ${patchSize}.`,
      code: "stem",
      path: "model.stem",
      expected: `strides whose product is ${patchSize}`,
      actual: stem.map(({ stride }) => stride),
      remedy: "Set model.patchSize to what the strides come to.",
    });
  return { ...config, width, depth, heads, mlpRatio, stem };
}

/** One layer for each halving; channels double, the last ones are the width's (section 4). */
function doubling(width: number, patch: number): StemLayer[] {
  const layers = Math.log2(patch);
  return Array.from({ length: layers }, (_, i) => ({
    channels: Math.max(1, Math.round(width / 2 ** (layers - 1 - i))),
    stride: 2,
  }));
}

/** From how many pictures on a size is offered. */
const offered = { "18GF": 200_000, "4GF": 20_000, "1GF": 0 } as const;

function offers({ side, channels, given }: SizeFacts): readonly ModelSize[] {
  const patch = givenNumber(given, "patchSize") ?? [16, 8, 4, 2].find((p) => side % p === 0 && side / p >= 6);
  if (patch === undefined || side % patch !== 0) return [];
  return namedSizes(offered, sizeNames, given).flatMap(({ name, pictures }) => {
    const { data: config } = vitConvStemConfig.safeParse({ ...given, size: name, patchSize: patch });
    if (config === undefined) return []; // what is wrong with it is said where the configuration is checked
    const { width, depth, heads, mlpRatio, stem } = settle(config);
    const patches = (side / patch) ** 2;
    const blocks = blockMultiplyAdds(1 + patches, width, depth) * ((4 + 2 * mlpRatio) / 12);
    return {
      ...{
        name,
        shown: `${width} × ${depth}, ${heads} heads, ${stem.length} convolutions`,
        pictures,
        width,
        depth,
        patches,
      },
      settings: notGiven({ size: name, patchSize: patch }, given),
      choices: [
        { key: "model.patchSize", value: patch, reason: `${side / patch} × ${side / patch} = ${patches} patches` },
      ],
      multiplyAdds: blocks + stemMultiplyAdds(stem, { side, channels, width }),
      activations: (1 + patches) * width * depth,
    };
  });
}

function stemMultiplyAdds(
  stem: readonly StemLayer[],
  image: { side: number; channels: number; width: number },
): number {
  let [side, inputs, sum] = [image.side, image.channels, 0];
  for (const { channels, stride } of stem) {
    side /= stride;
    sum += side * side * 9 * inputs * channels;
    inputs = channels;
  }
  return sum + side * side * inputs * image.width;
}

export const vitConvStem = {
  name: "vitConvStem",
  config: vitConvStemConfig,
  sized: ["width", "depth", "heads", "mlpRatio", "stem"],
  offers,
  build: (config: VitConvStemConfig, image: ImageShape): VitConvStem => new VitConvStem(config, image),
};
