/**
 * A discrete variational autoencoder (dVAE): the tokenizer that BEiT learns from. "Zero-Shot Text-to-Image Generation" (DALL-E), Ramesh et
 * al., ICML 2021, arXiv 2102.12092, section 2.1; its form here is the one that BEiT trains by itself (arXiv 2106.08254, appendix C). Code
 * compared with: microsoft/unilm, beit/modeling_discrete_vae.py.
 *
 * What differs: any encoder of the list, whose last map a 1 × 1 convolution turns into tokens, in place of three convolutions of 4 × 4; as
 * many layers in the decoder as halvings in the encoder; the divergence is a mean over positions (the official one, whose weight is zero in
 * its runs, is a sum); errors are of normalised pixels, where DALL-E has a logit-Laplace likelihood.
 *
 * Expected: the official code's loss, gradients and three optimiser steps behind the same encoder (test/reference/dvae-*.safetensors).
 */
import { z } from "zod";
import { ConfigError } from "../../errors.js";
import { anyEncoder, type Encoder, holdBehindStages } from "../../models/encoder.js";
import { Conv2d } from "../../nn/convolution/conv.js";
import { kaimingUniform, normal, uniformFanIn } from "../../nn/init.js";
import { Chain, Module, Parameter } from "../../nn/module.js";
import { rampAt, rampBetween } from "../../optim/schedule.js";
import { stack, zeros } from "../../tensor/creation.js";
import { conv2d, mseLoss } from "../../tensor/functional.js";
import type { Tensor } from "../../tensor/tensor.js";
import { type DefaultsFacts, type MethodDefaults, rateFor } from "../defaults.js";
import type { Health } from "../health.js";
import { type Batch, defineMethod, type Loss, Method, type Reconstruction, type Step } from "../method.js";
import { augmentationConfig, maskedView } from "../parts/augmentation.js";
import { divergenceFromUniform, gumbelSoftmax, perplexity } from "../parts/tokenizers/gumbel.js";

const positive = z.int().positive();

/** Schema of a dVAE's options (docs/methods/dvae.md). */
export const dvaeConfig = z.strictObject({
  name: z.literal("dvae").default("dvae"),
  vocabulary: z.int().min(2).max(65_536).default(8192).describe("tokens in the codebook"),
  codeWidth: positive.default(512).describe("numbers of a token's vector"),
  hidden: positive.default(256).describe("channels of the decoder"),
  temperature: rampBetween(1e-3, 10)
    .default({ from: 1, to: 1 / 16, shape: "cosine", over: 0.5 })
    .describe("of the relaxation, at its end nearly a choice (DALL-E: over the first 150,000 of 3 million steps)"),
  klWeight: rampBetween(0, 100)
    .default(0)
    .describe("of the divergence of a patch's tokens from all tokens alike, which makes more of them be used"),
  augmentation: augmentationConfig,
});
/** A dVAE's options with their defaults filled in. */
export type DvaeConfig = z.output<typeof dvaeConfig>;

/** `torch.nn.ConvTranspose2d` of 4 × 4 with a stride of 2, which doubles the sides: a convolution of what has zeros between its pixels. */
class Doubling extends Module {
  readonly weight: Parameter; // [I O 4 4]
  readonly bias: Parameter; // [O]

  constructor(inputs: number, outputs: number) {
    super();
    this.weight = new Parameter([inputs, outputs, 4, 4], kaimingUniform);
    this.bias = new Parameter([outputs], uniformFanIn(outputs * 16));
  }

  /** x [B I H W] -> [B O 2H 2W] */
  protected forward(x: Tensor): Tensor {
    const [B = 0, C = 0, H = 0, W = 0] = x.shape;
    const wide = stack([x, zerosLike(x)], 4).reshape([B, C, H, 2 * W]); // [B I H 2W]
    const spread = stack([wide, zerosLike(wide)], 3).reshape([B, C, 2 * H, 2 * W]); // [B I 2H 2W]
    const kernel = this.weight.transpose(0, 1).flip([2, 3]).contiguous(); // [O I 4 4]
    return conv2d(spread, kernel, this.bias, { padding: 2 })
      .slice(2, 0, 2 * H)
      .slice(3, 0, 2 * W);
  }
}

function zerosLike(x: Tensor): Tensor {
  return zeros(x.shape, { device: x.device, dtype: x.dtype });
}

/** Two convolutions of 3 × 3 and one of 1 × 1, added to what they are given (official `ResBlock`). */
class Residual extends Module {
  readonly first: Conv2d;
  readonly second: Conv2d;
  readonly last: Conv2d;

  constructor(width: number) {
    super();
    this.first = new Conv2d(width, width, 3, { padding: 1 });
    this.second = new Conv2d(width, width, 3, { padding: 1 });
    this.last = new Conv2d(width, width, 1);
  }

  /** x [B C H W] -> [B C H W] */
  protected forward(x: Tensor): Tensor {
    return x.add(this.last.call(this.second.call(this.first.call(x).relu()).relu()));
  }
}

/** A layer of the decoder, twice as large each way. */
class DecoderLayer extends Module {
  readonly up: Doubling;
  readonly residual: Residual;

  constructor(inputs: number, width: number) {
    super();
    this.up = new Doubling(inputs, width);
    this.residual = new Residual(width);
  }

  /** x [B I H W] -> [B O 2H 2W] */
  protected forward(x: Tensor): Tensor {
    return this.residual.call(this.up.call(x).relu());
  }
}

/** Vectors of tokens, a map of them, made into pixels. */
class Decoder extends Module {
  readonly layers: Chain<DecoderLayer>;
  readonly last: Conv2d;

  constructor(inputs: number, width: number, doublings: number, channels: number) {
    super();
    const widths = Array.from({ length: doublings }, (_, i) => (i === 0 ? inputs : width));
    this.layers = new Chain(widths.map((own) => new DecoderLayer(own, width)));
    this.last = new Conv2d(doublings === 0 ? inputs : width, channels, 1);
  }

  /** vectors [B C h w] -> image [B c H W] */
  protected forward(vectors: Tensor): Tensor {
    return this.last.call(this.layers.call(vectors));
  }
}

/** A dVAE: an encoder that turns pictures into a map of tokens, a codebook, and a decoder that turns them into pictures again. */
export class Dvae extends Method<"image"> {
  readonly codebook: Parameter; // [V C]
  /** The last map [B D h w] -> how likely each token is [B V h w]. */
  readonly tokenHead: Conv2d;
  readonly decoder: Decoder;

  constructor(
    readonly config: DvaeConfig,
    readonly encoder: Encoder,
  ) {
    super();
    const { vocabulary, codeWidth, hidden } = config;
    const doublings = doublingsOf(encoder);
    this.codebook = new Parameter([vocabulary, codeWidth], normal(1));
    this.tokenHead = new Conv2d(encoder.width, vocabulary, 1);
    this.decoder = new Decoder(codeWidth, hidden, doublings, encoder.channels);
    holdBehindStages(encoder);
  }

  /** image [B C H W] -> mean squared error of what is made again, and the weighted divergence */
  protected forward({ image }: Batch<"image">, { rng, progress }: Step): Loss {
    const logits = this.logits(image); // [B V h w]
    const u = rng.fork("gumbel").uniform(logits.shape.slice(1), image.device); // [B V h w]
    const share = gumbelSoftmax(logits, u, rampAt(this.config.temperature, progress)); // [B V h w]
    const again = this.decode(share.permute([0, 2, 3, 1]).matmul(this.codebook)); // [B C H W]
    const reconstruction = mseLoss(again.float(), image); // []
    const kl = divergenceFromUniform(logits); // []
    const codes = perplexity(tokensOf(logits.detach()), this.config.vocabulary); // []
    const total = reconstruction.add(kl.mul(rampAt(this.config.klWeight, progress)));
    return { total, parts: { reconstruction, kl, codes } };
  }

  /** image [B C H W] -> how likely each token is, before softmax [B V h w] */
  logits(image: Tensor): Tensor {
    const last = this.encoder.stages(image).at(-1)?.map as Tensor; // [B D h w]
    return this.tokenHead.call(last);
  }

  /** image [B C H W] -> the likeliest token of each patch, row by row [B N] int64 */
  tokens(image: Tensor): Tensor {
    return tokensOf(this.logits(image));
  }

  /** tokens [B N] int64, of a picture of the encoder's size -> the picture that they stand for [B C H W] */
  pictures(tokens: Tensor): Tensor {
    const [h, w] = gridOf(this.encoder);
    const vectors = this.codebook.indexSelect(0, tokens.flatten()).reshape([tokens.side(0), h, w, -1]); // [B h w C]
    return this.decode(vectors);
  }

  /** vectors of tokens [B h w C] -> [B c H W] */
  private decode(vectors: Tensor): Tensor {
    return this.decoder.call(vectors.permute([0, 3, 1, 2]));
  }

  /** Every patch as its likeliest token shows it; nothing is hidden. */
  override reconstruct(image: Tensor): Reconstruction {
    const tokens = this.tokens(image); // [B N]
    const predicted = this.pictures(tokens); // [B C H W]
    return { masked: image, rebuilt: predicted, predicted, mask: zeros(tokens.shape, { device: image.device }) };
  }

  override pictureNote(): string {
    return `pictures are put together of ${this.config.vocabulary} tokens, the likeliest of each patch`;
  }

  override health(): Health {
    return {
      loss: "falls",
      ...(this.config.klWeight === 0 && { trivial: 1, trivialAnswer: "predicting the mean colour" }),
      signals: [
        {
          name: "codes",
          what: "tokens that a batch uses (perplexity)",
          below: 2,
          finding: "All patches get the same token.",
          causes: [
            "The rate is too high: optim.baseLearningRate a third as large.",
            "The temperature falls too early: method.temperature.over closer to 1.",
            "Tokens that nothing asks to be used: method.klWeight above 0, from 0 to 0.03.",
          ],
        },
      ],
    };
  }
}

/** how likely each token is [B V h w] -> the likeliest of each patch [B N] int64 */
function tokensOf(logits: Tensor): Tensor {
  return logits.argmax(1).flatten(1);
}

function gridOf({ imageSize, stride }: Encoder): readonly [number, number] {
  return [imageSize[0] / stride[0], imageSize[1] / stride[1]];
}

/** How often the last map is to be doubled to be as large as the picture. @throws ConfigError where no number of times does it */
function doublingsOf(encoder: Encoder): number {
  const [down, across] = encoder.stride;
  const doublings = Math.log2(down);
  const isWhole = gridOf(encoder).every(Number.isInteger);
  if (down === across && Number.isInteger(doublings) && isWhole) return doublings;
  throw new ConfigError({
    problem: `a decoder that doubles its maps cannot undo a stride of ${down} × ${across} on ${encoder.imageSize.join(" × ")} pixels.`,
    code: "stride",
    path: "model",
    expected: "a stride that is a power of two, the same down and across, and divides the picture",
    actual: encoder.stride,
    remedy: "Take patches of 4, 8 or 16 pixels.",
  });
}

/** Rates and lengths that BEiT's authors do not tell; those of the recipe for CIFAR-10. */
function defaults(facts: DefaultsFacts): MethodDefaults {
  const { pictures, patches, shorterSide, side, length, multiplyAdds } = facts;
  const vocabulary = Math.min(8192, Math.max(64, 2 ** Math.floor(Math.log2((pictures * patches) / 64))));
  return {
    choices: [
      {
        key: "method.vocabulary",
        value: vocabulary,
        reason: vocabulary === 8192 ? "the paper's" : "each stands for some 64 patches or more",
      },
      rateFor(1e-3, length?.batch, "the official script's, for batches of any size"),
      {
        key: "method.klWeight",
        value: { from: 0, to: 0.034, shape: "cosine", over: 0.1 },
        shown: "0 to 0.034",
        reason: "DALL-E's, 6.6 for 192 numbers of a token: four times as many tokens were used on CIFAR-10",
      },
    ],
    settings: { "method.augmentation": (shorterSide ?? side) < 64 ? "fixedCrop" : "randomCrop" },
    cost: 1 + decoderWork(facts) / multiplyAdds,
    memory: 2,
    patches: "none hidden",
    schedule: { epochs: 100, reason: "a tokenizer needs to see no more" },
  };
}

/** Multiply-adds of the decoder as it is by default: each layer's doubling, of 16 taps, and its 19 others, at the sides that it makes. */
function decoderWork({ side, patches, channels }: DefaultsFacts): number {
  const { codeWidth, hidden } = dvaeConfig.parse({});
  const doublings = Math.max(0, Math.round(Math.log2(side / Math.sqrt(patches))));
  const layers = Array.from({ length: doublings }, (_, i) => {
    const places = (side / 2 ** (doublings - 1 - i)) ** 2;
    return places * hidden * (16 * (i === 0 ? codeWidth : hidden) + 19 * hidden);
  });
  return layers.reduce((sum, one) => sum + one, side ** 2 * hidden * channels);
}

/** The definition of a dVAE (Ramesh et al. 2021): `{ name: "dvae" }` in a configuration. */
export const dvae = defineMethod({
  name: "dvae",
  config: dvaeConfig,
  encoders: anyEncoder,
  defaults,
  views: ({ augmentation }, image) => maskedView(augmentation, image),
  build: (config, makeEncoder) => new Dvae(config, makeEncoder()),
});
