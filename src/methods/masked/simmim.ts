/**
 * SimMIM: A Simple Framework for Masked Image Modeling. Xie, Zhang, Cao, Lin, Bao, Yao, Dai, Hu; CVPR 2022, arXiv 2111.09886.
 * Official code: microsoft/SimMIM.
 *
 * What differs: any image, channels, patch and unit; the number of visible units is rounded down, which is the official number of hidden
 * ones; a mask token starts as the Swin Transformer's also in a ViT; the mean is over hidden pixels, without the official 1e-5 in its count.
 *
 * Expected: the official losses, gradients and three optimiser steps (test/reference/simmim-*.safetensors).
 */
import { z } from "zod";
import { ConfigError } from "../../errors.js";
import { type TokenEncoder, tokenEncoder } from "../../models/encoder.js";
import type { ExportGraph } from "../../models/exports.js";
import { kaimingUniform, truncatedNormal, uniformFanIn } from "../../nn/init.js";
import { Linear } from "../../nn/linear.js";
import { Parameter } from "../../nn/parameter.js";
import { patchify, type Size, unpatchify } from "../../nn/patches.js";
import type { NamedTensor } from "../../optim/optimizer.js";
import { take } from "../../tensor/functional.js";
import type { Tensor } from "../../tensor/tensor.js";
import { type DefaultsFacts, type MethodDefaults, paperWarmup, rateFor } from "../defaults.js";
import type { Health } from "../health.js";
import {
  type Batch,
  defineMethod,
  type GivenMask,
  type Hiding,
  type Loss,
  Method,
  type ParameterRule,
  type Reconstruction,
  type Step,
} from "../method.js";
import { augmentationConfig, maskedView } from "../parts/augmentation.js";
import { fillPictures } from "../parts/filling/fill.js";
import { fillInGraph } from "../parts/filling/fill-in-graph.js";
import { checkMaskRatio, drawMask, hiddenPatches, type Mask, maskOf } from "../parts/masks.js";
import { simmimLayout } from "../published/simmim.js";

/** Schema of SimMIM's options (docs/methods/simmim.md). */
export const simmimConfig = z.strictObject({
  name: z.literal("simmim").default("simmim"),
  maskRatio: z.number().gt(0).lt(1).default(0.6).describe("share of the units that is hidden (section 3.2)"),
  unit: z
    .int()
    .positive()
    .default(32)
    .describe("side in pixels of the squares that are hidden as one; a multiple of the patch (table 1; 8 for 32 px)"),
  augmentation: augmentationConfig,
});
/** SimMIM's options with their defaults filled in. */
export type SimMimConfig = z.output<typeof simmimConfig>;

/** SimMIM: the encoder sees a picture with a token in place of hidden squares, and one linear layer predicts their pixels. */
export class SimMim extends Method<"image"> {
  readonly maskToken: Parameter; // [1 1 E]
  /** Of every place of the last map the pixels that it stands for, channels first. */
  readonly decoder: Linear;
  private readonly cells: { readonly patch: Size; readonly grid: Size };

  constructor(
    readonly config: SimMimConfig,
    readonly encoder: TokenEncoder,
  ) {
    super();
    const { unit, maskRatio } = config;
    const { imageSize, stride, channels } = encoder;
    checkUnit(unit, encoder);
    this.cells = { patch: [unit, unit], grid: [imageSize[0] / unit, imageSize[1] / unit] };
    checkMaskRatio(maskRatio, this.cells.grid[0] * this.cells.grid[1]);
    this.maskToken = new Parameter([1, 1, encoder.tokenWidth], truncatedNormal(0.02));
    this.decoder = new Linear(encoder.width, stride[0] * stride[1] * channels, {
      weightInit: kaimingUniform,
      biasInit: uniformFanIn(encoder.width),
    });
  }

  /** image [B C H W] -> mean absolute error over the pixels of hidden units (section 3.4) */
  protected forward({ image }: Batch<"image">, { rng }: Step): Loss {
    return { total: this.loss(image, this.draw(rng, image.device)) }; // []
  }

  draw(rng: Step["rng"], device: string): Mask {
    return drawMask("random", this.config.maskRatio, this.cells.grid, rng.fork("mask"), device);
  }

  /** image [B C H W] -> [] */
  loss(image: Tensor, mask: Mask): Tensor {
    const hidden = mask.ids.slice(1, mask.kept); // [B M]
    const predicted = this.units(this.predict(this.encode(image, mask)).float()); // [B U P]
    return take(predicted, hidden)
      .sub(take(this.units(image), hidden))
      .abs()
      .mean(); // []
  }

  /** image [B C H W] -> its units, channels last [B U P] */
  private units(image: Tensor): Tensor {
    return patchify(image, this.cells.patch, "channelsLast");
  }

  /** image [B C H W] and a mask of units -> the last map [B D h w] */
  private encode(image: Tensor, { restore, kept }: Mask): Tensor {
    const { patchSize } = this.encoder;
    const { grid, patch } = this.cells;
    const [down, across] = [patch[0] / patchSize[0], patch[1] / patchSize[1]]; // patches of a unit
    const units = restore.ge(kept).reshape([image.side(0), grid[0], 1, grid[1], 1]); // [B h 1 w 1]
    const patches = units.expand([-1, -1, down, -1, across]).reshape([image.side(0), -1]); // [B N]
    return this.encoder.encodeReplaced(image, patches, this.maskToken);
  }

  /** map [B D h w] -> pixels of every place [B C H W] */
  private predict(map: Tensor): Tensor {
    const pixels = this.decoder.call(map.flatten(2).transpose(1, 2)); // [B h·w C·p·q]
    return unpatchify(pixels, this.encoder.stride, [map.side(2), map.side(3)], "channelsFirst");
  }

  override reconstruct(image: Tensor, { rng }: Step, given?: GivenMask): Reconstruction {
    const mask = given === undefined ? this.draw(rng, image.device) : maskOf(given.ids, given.kept);
    const { masked, rebuilt, predicted, hidden } = this.fillIn(image, mask);
    return { masked, rebuilt, predicted, mask: hidden };
  }

  /** image [B C H W] and a mask -> map [B D h w], pixels of every unit [B U P], hidden units [B U], pictures [B C H W] */
  private fillIn(image: Tensor, mask: Mask) {
    const map = this.encode(image, mask); // [B D h w]
    const prediction = this.units(this.predict(map).float()); // [B U P]
    const hidden = hiddenPatches(mask); // [B U]
    return { map, prediction, hidden, ...fillPictures(image, prediction, hidden, this.cells) };
  }

  override hiding(): Hiding {
    return { share: this.config.maskRatio, grid: this.cells.grid, cell: this.cells.patch };
  }

  override ruleFor({ name }: NamedTensor): ParameterRule | undefined {
    return this.encoder.undecayed.includes(name.replace(/^encoder\./, "")) ? { decays: false } : undefined;
  }

  override health(): Health {
    // √(2 / π): of normal numbers, which normalised pixels resemble
    return { loss: "falls", trivial: 0.8, trivialAnswer: "predicting the mean", signals: [] };
  }

  override exports(): readonly ExportGraph[] {
    const { channels, imageSize } = this.encoder;
    const [rows, columns] = this.cells.grid;
    return [
      fillInGraph({
        ...{ module: this, channels, imageSize, patches: rows * columns },
        run: (image, visible, restore) => {
          const { map, prediction, rebuilt } = this.fillIn(image, { ids: visible, restore, kept: visible.side(1) });
          return { prediction, rebuilt, features: map.mean([2, 3]) };
        },
      }),
    ];
  }

  override pixelTarget(): "pixels" {
    return "pixels";
  }

  override pictureNote(): string {
    return "predictions are pixels";
  }
}

/** @throws ConfigError unless patches fill units, and units and places of the last map fill pictures */
function checkUnit(unit: number, { imageSize, patchSize, stride }: TokenEncoder): void {
  const isFilled = (side: number, i: number): boolean =>
    side % unit === 0 && side % (stride[i] ?? 1) === 0 && unit % (patchSize[i] ?? 1) === 0;
  if (imageSize.every(isFilled)) return;
  const size = (sides: Size): string => sides.join(" × ");
  throw new ConfigError({
    problem: `units of ${unit} pixels do not fit pictures of ${size(imageSize)}, patches of ${size(patchSize)} and places of ${size(stride)} pixels.`,
    code: "unit",
    path: "method.unit",
    expected: "a multiple of the patch that divides the picture, as the places of the last map do",
    actual: unit,
    remedy: `Take ${size(stride)} pixels, a place of the last map, or pictures of another size.`,
  });
}

/** The paper's settings (appendix A): the whole picture goes through the encoder. */
function defaults({
  side,
  patches,
  shorterSide = side,
  length,
  multiplyAdds,
  width,
  channels,
}: DefaultsFacts): MethodDefaults {
  const place = side / Math.sqrt(patches);
  const unit = unitFor(side, place);
  return {
    choices: [
      rateFor(1e-4, length?.batch, "the paper's, for 512 pictures 2e-4"),
      { key: "method.unit", value: unit, reason: `${(side / unit) ** 2} squares, of which three of five are hidden` },
      { key: "optim.clipNorm", value: 5, reason: "the official one" },
      ...paperWarmup(length, 10, 100),
    ],
    settings: { "method.augmentation": shorterSide < 64 ? "fixedCrop" : "randomCrop" },
    cost: 1 + (patches * width * place ** 2 * channels) / multiplyAdds,
    memory: 1,
    patches: "three of five hidden, all of them encoded",
    schedule: { epochs: 800, reason: "the paper's longest" },
  };
}

/** The paper's 32 pixels where that leaves six squares a side; else the largest multiple of a place that does, or the place itself. */
function unitFor(side: number, place: number): number {
  const multiples = Array.from({ length: Math.floor(32 / place) }, (_, i) => (i + 1) * place).reverse();
  return multiples.find((unit) => side % unit === 0 && side / unit >= 6) ?? place;
}

/** The definition of SimMIM (Xie et al. 2022): `{ name: "simmim" }` in a configuration. */
export const simmim = defineMethod({
  name: "simmim",
  config: simmimConfig,
  encoders: tokenEncoder,
  usualModel: "swin",
  defaults,
  views: ({ augmentation }, image) => maskedView(augmentation, image, [0.67, 1]),
  build: (config, makeEncoder) => new SimMim(config, makeEncoder()),
  layouts: [simmimLayout("simmim")],
});
