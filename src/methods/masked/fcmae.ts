/**
 * ConvNeXt V2: Co-designing and Scaling ConvNets with Masked Autoencoders. Woo, Debnath, Hu, Chen, Liu, Kweon, Xie; CVPR 2023,
 * arXiv 2301.00808: the fully convolutional masked autoencoder, FCMAE. Official code: facebookresearch/ConvNeXt-V2.
 *
 * Cells of the encoder's last map are hidden, 32 × 32 pixels each at the usual stride; the encoder sees the others alone, one
 * ConvNeXt block on the filled map predicts the pixels of the hidden ones.
 *
 * What differs: the encoder computes visible cells alone by other means than the official sparse convolutions; response
 * normalisation is over each picture, as in the paper, where the released code takes it over the batch; all layers begin with the
 * paper's deviation of 0.02, where the released code begins most of them with 1.
 *
 * Expected: the official code's loss, predictions, gradients and three optimiser steps, with its sparse operations replaced
 * and response normalisation by picture (test/reference/fcmae-*.safetensors).
 */
import { z } from "zod";
import { ConfigError } from "../../errors.js";
import { ConvnextV2Block } from "../../models/convnext-v2.js";
import { type DenseEncoder, denseEncoder, holdBehindStages } from "../../models/encoder.js";
import type { ExportGraph } from "../../models/exports.js";
import { PatchConv } from "../../nn/convolution/conv.js";
import { normal, truncatedNormal, zero } from "../../nn/init.js";
import { Chain, Parameter } from "../../nn/module.js";
import { take } from "../../tensor/functional.js";
import type { Tensor } from "../../tensor/tensor.js";
import { type DefaultsFacts, type MethodDefaults, paperWarmup } from "../defaults.js";
import type { Health } from "../health.js";
import {
  type Batch,
  defineMethod,
  type GivenMask,
  type Hiding,
  type Loss,
  Method,
  type Reconstruction,
  type Step,
} from "../method.js";
import { augmentationConfig, maskedView } from "../parts/augmentation.js";
import { channelDistance } from "../parts/channel-distance.js";
import { fillPictures } from "../parts/filling/fill.js";
import { fillInGraph } from "../parts/filling/fill-in-graph.js";
import { drawMask, hiddenPatches, keptPatches, type Mask, maskOf } from "../parts/masks.js";
import { PixelTarget } from "../parts/targets/pixels.js";
import { fcmaeLayout } from "../published/fcmae.js";

const positive = z.int().positive();

/** Schema of FCMAE's options (docs/methods/fcmae.md). */
export const fcmaeConfig = z.strictObject({
  name: z.literal("fcmae").default("fcmae"),
  maskRatio: z
    .number()
    .gt(0)
    .lt(1)
    .default(0.6)
    .describe("share of the last map's cells that is hidden (paper, section 3.1)"),
  normalizeTargets: z
    .boolean()
    .default(true)
    .describe("predict each cell's pixels after normalising them (paper, section 3.1)"),
  decoder: z
    .strictObject({
      width: positive.default(512).describe("channels (paper, table 1c)"),
      depth: positive.default(1).describe("ConvNeXt V2 blocks (paper, table 1b)"),
    })
    .prefault({})
    .describe("thrown away after pre-training"),
  augmentation: augmentationConfig,
});
/** FCMAE's options with their defaults filled in. */
export type FcmaeConfig = z.output<typeof fcmaeConfig>;

const firstValues = { weightInit: truncatedNormal(0.02), biasInit: zero };

interface Filled extends Omit<Reconstruction, "mask"> {
  readonly map: Tensor;
  readonly prediction: Tensor;
  readonly hidden: Tensor;
}

/**
 * A masked autoencoder of convolutions: the encoder sees the visible cells of its last map, one block predicts the pixels of the
 * hidden ones.
 */
export class Fcmae extends Method<"image"> {
  readonly proj: PatchConv;
  readonly maskToken: Parameter; // [1 d 1 1]
  readonly decoder: Chain<ConvnextV2Block>;
  readonly pred: PatchConv;
  readonly target: PixelTarget;

  constructor(
    readonly config: FcmaeConfig,
    readonly encoder: DenseEncoder,
  ) {
    super();
    const { width, depth } = config.decoder;
    checkKept(config, encoder);
    this.target = new PixelTarget(encoder.stride, encoder.channels, config.normalizeTargets);
    this.proj = new PatchConv(encoder.width, width, 1, firstValues);
    this.maskToken = new Parameter([1, width, 1, 1], normal(0.02));
    this.decoder = new Chain(Array.from({ length: depth }, () => new ConvnextV2Block(width)));
    this.pred = new PatchConv(width, this.target.outputs, 1, firstValues);
    holdBehindStages(encoder); // the norm behind the pooling is the classifier's
  }

  /** The official names: the encoder's parts stand at the top, beside the decoder's. */
  override state(prefix = ""): Map<string, Parameter> {
    const within = `${prefix}encoder.`;
    const entries = [...super.state(prefix)];
    return new Map(
      entries.map(([name, value]) => [name.startsWith(within) ? prefix + name.slice(within.length) : name, value]),
    );
  }

  /** image [B C H W] -> error over the hidden cells (paper, section 3.1) */
  protected forward({ image }: Batch<"image">, { rng }: Step): Loss {
    const mask = this.draw(rng, image.device);
    const map = this.encoder.encodeMasked(image, mask); // [B D h w]
    const hidden = mask.ids.slice(1, mask.kept); // [B M]
    const predicted = take(this.decode(map, mask), hidden); // [B M P]
    const total = this.target.loss(predicted, take(this.target.call(image), hidden)); // []
    return { total, parts: { channelDistance: this.spreadOf(map, mask) } };
  }

  draw(rng: Step["rng"], device: string): Mask {
    return drawMask("random", this.config.maskRatio, this.encoder.grid, rng.fork("mask"), device);
  }

  /** map [B D h w] -> pixels of every cell, in image order [B N P] */
  decode(map: Tensor, mask: Mask): Tensor {
    const [B = 0, , h = 0, w = 0] = map.shape;
    const x = this.proj.call(map.permute([0, 2, 3, 1])); // [B h w d]
    const hidden = mask.restore.ge(mask.kept).reshape([B, h, w, 1]); // [B h w 1]
    const token = this.maskToken.to(x.dtype).permute([0, 2, 3, 1]); // [1 1 1 d]
    const decoded = this.decoder.call(token.where(hidden, x)); // [B h w d]
    return this.pred.call(decoded).reshape([B, h * w, -1]); // [B N P]
  }

  /** map [B D h w] -> how far its channels are from one another on visible cells (paper, section 4: feature collapse) [] */
  private spreadOf(map: Tensor, { ids, kept }: Mask): Tensor {
    const cells = map.detach().flatten(2).transpose(1, 2); // [B N D]
    const visible = take(cells, ids.slice(1, 0, kept)); // [B K D]
    return channelDistance(visible.transpose(1, 2).unsqueeze(-1)).mean(); // []
  }

  override reconstruct(image: Tensor, { rng }: Step, given?: GivenMask): Reconstruction {
    const mask = given === undefined ? this.draw(rng, image.device) : maskOf(given.ids, given.kept);
    const { masked, rebuilt, predicted, hidden } = this.fillIn(image, mask);
    return { masked, rebuilt, predicted, mask: hidden };
  }

  /** image [B C H W] and a mask -> map [B D h w], pixels of every cell [B N P], hidden cells [B N], pictures [B C H W] */
  private fillIn(image: Tensor, mask: Mask): Filled {
    const hidden = hiddenPatches(mask); // [B N]
    const map = this.encoder.encodeMasked(image, mask); // [B D h w]
    const prediction = this.decode(map, mask); // [B N P]
    const pixels = this.target.pixels(prediction, image); // [B N P]
    const { stride: patch, grid } = this.encoder;
    return { map, prediction, hidden, ...fillPictures(image, pixels, hidden, { patch, grid }) };
  }

  override exports(): readonly ExportGraph[] {
    const { channels, imageSize, grid } = this.encoder;
    const patches = grid[0] * grid[1];
    return [
      fillInGraph({
        ...{ module: this, channels, imageSize, patches },
        run: (image, visible, restore) => {
          const mask: Mask = { ids: visible, restore, kept: visible.side(1) };
          const { map, prediction, rebuilt } = this.fillIn(image, mask);
          return { prediction, rebuilt, features: this.encoder.featuresOf(map.sum([2, 3]).div(mask.kept)) };
        },
      }),
    ];
  }

  override hiding(): Hiding {
    const { grid, stride: cell } = this.encoder;
    return { share: this.config.maskRatio, grid, cell };
  }

  override health(): Health {
    return {
      loss: "falls",
      trivial: this.target.baseline(),
      trivialAnswer: "predicting the mean",
      signals: [
        {
          name: "channelDistance",
          what: "distance between channels of the last map",
          below: 0.02,
          finding: "All channels of the last map show the same: the features have collapsed.",
          causes: [
            "Response normalisation (GRN) keeps channels apart: a block without it collapses under masking (paper, section 4).",
            "The learning rate may be too high: halve it.",
          ],
        },
      ],
    };
  }

  override pixelTarget(): "pixels" | "normalizedPixels" {
    return this.target.kind;
  }

  override pictureNote(): string {
    return this.target.note();
  }
}

function checkKept({ maskRatio }: FcmaeConfig, { grid: [rows, columns], stride }: DenseEncoder): void {
  const cells = rows * columns;
  const kept = keptPatches(cells, maskRatio);
  if (kept > 0 && kept < cells) return;
  throw new ConfigError({
    problem: `a mask ratio of ${maskRatio} leaves ${kept} of ${cells} cells visible.`,
    code: "mask-ratio",
    path: "method.maskRatio",
    expected: "some cells visible and some hidden",
    actual: { maskRatio, cells, kept },
    remedy: `A cell is ${stride.join(" × ")} pixels: use larger pictures, a smaller model.stem or another ratio.`,
  });
}

/** The paper's settings (appendix A.2), which are the same for all sizes. */
function defaults(facts: DefaultsFacts): MethodDefaults {
  const { patches, multiplyAdds, windows = 0, side, channels, shorterSide = side, length } = facts;
  const { decoder, maskRatio } = fcmaeConfig.parse({});
  const { width } = decoder;
  const pixels = (side ** 2 * channels) / patches; // of a cell
  const decoding = patches * width * (facts.width + 49 + 8 * width + pixels);
  const visible = keptPatches(patches, maskRatio) / patches;
  return {
    choices: [
      { key: "optim.baseLearningRate", value: 1.5e-4, reason: "the paper's, for every size" },
      ...paperWarmup(length, 40, 800),
    ],
    settings: { "method.augmentation": shorterSide < 64 ? "fixedCrop" : "randomCrop" },
    cost: (windows + visible * (multiplyAdds - windows) + decoding) / multiplyAdds,
    memory: visible + (1 - visible) / 8, // of what a block keeps about an eighth is whole maps, around its window
    patches: "three of five hidden",
    schedule: { epochs: 800, reason: "the paper's shorter schedule" },
  };
}

/** The definition of FCMAE (Woo et al. 2023), which pre-trains ConvNeXt V2: `{ name: "fcmae" }` in a configuration. */
export const fcmae = defineMethod({
  name: "fcmae",
  config: fcmaeConfig,
  encoders: denseEncoder,
  usualModel: "convnextV2",
  defaults,
  views: ({ augmentation }, image) => maskedView(augmentation, image),
  build: (config, makeEncoder) => new Fcmae(config, makeEncoder()),
  layouts: [fcmaeLayout("fcmae")],
});
