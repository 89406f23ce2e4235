/**
 * Vision Transformer. "An Image is Worth 16x16 Words", Dosovitskiy et al., ICLR 2021; Ti and S from DeiT.
 * Code compared with: timm (its ViT and its BEiT), facebookresearch/mae. Differences: positions, `pos_embed` in the state, are the MAE
 * family's fixed sine-cosine table unless they are to be learned; the patch embedding is a linear layer over unfolded patches.
 * Expected: timm's forward for the same weights (test/models/vit.test.ts); parameter counts of the paper.
 */
import { z } from "zod";
import { PatchEmbed, pair } from "../nn/patches.js";
import type { Tensor } from "../tensor/tensor.js";
import { checkHidden, type ImageShape, type LayeredEncoder, type TokenEncoder } from "./encoder.js";
import { vitLayouts } from "./published/vit/layouts.js";
import { blockMultiplyAdds, givenNumber, type ModelSize, notGiven, type SizeFacts } from "./sizes.js";
import { VitTrunk } from "./vit-trunk.js";

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
    .enum(["sinCos", "learned", "none"])
    .default("sinCos")
    .describe(
      "a fixed sine-cosine table (MAE, MoCo v3), one that is learned (ViT, DINO), or none (BEiT, relative ones)",
    ),
  relativePositions: z
    .enum(["none", "shared", "perBlock"])
    .default("none")
    .describe(
      "added to the scores of attention: nothing, or a learned table, one for all blocks (BEiT) or for each (BEiT fine-tuned); pictures of one size",
    ),
  layerScale: z
    .number()
    .positive()
    .optional()
    .describe("first value of a learned factor for every channel of a block's branches (CaiT, BEiT); absent: none"),
  keyBias: z.boolean().default(true).describe("false: queries and values have a bias, keys none (BEiT)"),
  positionOffset: z
    .number()
    .min(0)
    .default(0)
    .describe("patches added to the grid when positions are resized for pictures of another size; 0.1 in DINO's code"),
  classAttention: z
    .int()
    .min(0)
    .default(0)
    .describe(
      "blocks behind the others in which the class token alone takes from the patches (CaiT, ExtreMA: 2); 0: it goes through all blocks",
    ),
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
export class Vit extends VitTrunk<PatchEmbed> implements LayeredEncoder, TokenEncoder {
  constructor(config: VitConfig, image: ImageShape) {
    const sizes = { ...config, ...vitSizes[config.size], ...withoutUndefined(config) };
    super(sizes, image, () => new PatchEmbed(image.channels, sizes.width, pair(config.patchSize)));
  }

  /** image [B C H W] -> [B N D] */
  protected tokens(image: Tensor): Tensor {
    return this.patchEmbed.call(this.patchEmbed.unfold(image)); // [B N D]
  }

  readonly undecayed = ["cls_token", "pos_embed"];

  get tokenWidth(): number {
    return this.width;
  }

  /** As BEiT's and SimMIM's encoder: the token gets the positions of the patches that it stands for. */
  encodeReplaced(image: Tensor, hidden: Tensor, token: Tensor): Tensor {
    return this.mapOf(this.encodeTokens(image, hidden, token), image);
  }

  /** The same as tokens, class token first [B 1+N D] */
  encodeTokens(image: Tensor, hidden: Tensor, token: Tensor): Tensor {
    return this.encode(this.replacedTokens(image, hidden, token));
  }

  /** The same, not encoded yet: tokens of all patches, positions added [B N D] */
  replacedTokens(image: Tensor, hidden: Tensor, token: Tensor): Tensor {
    const [patches, grid] = [this.tokens(image), this.patchGrid(image)]; // [B N D]
    checkHidden(hidden, patches.side(0), grid);
    const tokens = token.to(patches.dtype).where(hidden.unsqueeze(-1), patches); // [B N D]
    return this.positioned(tokens, grid);
  }
}

function withoutUndefined(config: VitConfig): Partial<{ width: number; depth: number; heads: number }> {
  const { width, depth, heads } = config;
  return { ...(width && { width }), ...(depth && { depth }), ...(heads && { heads }) };
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
