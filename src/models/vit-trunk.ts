/** What a Vision Transformer is behind its first layer, which turns a picture into tokens. */
import { ConfigError } from "../errors.js";
import { Block, ClassBlock } from "../nn/block.js";
import { dropPathRates } from "../nn/drop-path.js";
import { normal, truncatedNormal } from "../nn/init.js";
import { LayerNorm } from "../nn/layer-norm.js";
import { Chain, Module, Parameter } from "../nn/module.js";
import { pair, type Size } from "../nn/patches.js";
import { resizePositions, SharedPositions, sinCosInit } from "../nn/positions.js";
import { cat } from "../tensor/creation.js";
import { take } from "../tensor/functional.js";
import type { Tensor } from "../tensor/tensor.js";
import type { Encoder, FeatureMap, ImageShape, Part, Pool } from "./encoder.js";
import type { ExportGraph } from "./exports.js";

/** Sizes of a trunk, all of them settled. */
export interface TrunkConfig {
  readonly width: number;
  readonly depth: number;
  readonly heads: number;
  readonly mlpRatio: number;
  /** Pixels of a token, [height, width] or a side. */
  readonly patchSize: number | Size;
  readonly positions: "sinCos" | "learned" | "none";
  readonly positionOffset: number;
  readonly dropPath: number;
  /** What scores of attention depend on besides: nothing, or a table of relative positions, one for all blocks or one for each. */
  readonly relativePositions?: "none" | "shared" | "perBlock";
  readonly layerScale?: number | undefined;
  readonly keyBias?: boolean;
  /** Blocks in which the class token alone takes from the patches; without any it goes through the others with them. 0 if absent. */
  readonly classAttention?: number;
}

/**
 * A class token, positions and Transformer blocks behind whatever makes tokens of a picture: image [B C H W] -> tokens [B 1+N D].
 * State as the MAE family's.
 */
export abstract class VitTrunk<Embed extends Module> extends Module<[Tensor], Tensor> implements Encoder {
  readonly clsToken: Parameter; // [1 1 D]
  readonly posEmbed: Parameter | null; // [1 1+N D]
  readonly patchEmbed: Embed;
  readonly relPosBias: SharedPositions | null;
  readonly blocks: Chain<Block>;
  readonly blocksToken: Chain<ClassBlock> | null;
  readonly norm: LayerNorm;

  readonly width: number;
  readonly heads: number;
  readonly channels: number;
  readonly imageSize: Size;
  readonly patchSize: Size;
  /** Patches down and across. */
  readonly grid: Size;
  readonly pools = ["mean", "class"] as const;
  /** Whether only whole pictures can be encoded, in its own size: relative positions are between all patches. */
  readonly needsEveryPatch: boolean;
  /** Whether it is told where patches stand, by positions of either kind. */
  readonly hasPositions: boolean;
  private readonly config: TrunkConfig;

  /** @param embed makes what turns pictures into tokens [B N D] or a map [B D h w] */
  constructor(config: TrunkConfig, image: ImageShape, embed: () => Embed) {
    super();
    const { width, depth, heads } = config;
    this.width = width;
    this.heads = heads;
    this.channels = image.channels;
    this.imageSize = image.imageSize;
    this.patchSize = pair(config.patchSize);
    this.grid = gridOf(image.imageSize, this.patchSize);
    this.config = config;
    const { positions, relativePositions = "none" } = config;
    this.needsEveryPatch = relativePositions !== "none";
    this.hasPositions = positions !== "none" || this.needsEveryPatch;
    checkTrunk(config);
    this.clsToken = new Parameter([1, 1, width], normal(0.02));
    const isLearned = positions === "learned";
    const firstPositions = isLearned ? truncatedNormal(0.02) : sinCosInit(this.grid);
    this.posEmbed =
      positions === "none" ? null : new Parameter([1, 1 + this.patches, width], firstPositions, isLearned);
    this.patchEmbed = embed();
    this.relPosBias = relativePositions === "shared" ? new SharedPositions(this.grid, heads) : null;
    this.blocks = new Chain(dropPathRates(config.dropPath, depth).map((rate) => this.makeBlock(rate)));
    const readers = Array.from(
      { length: config.classAttention ?? 0 },
      () => new ClassBlock(width, heads, config.mlpRatio),
    );
    this.blocksToken = readers.length === 0 ? null : new Chain(readers);
    this.norm = new LayerNorm(width);
  }

  get sizes() {
    const [height, width] = this.patchSize;
    const { positions, relativePositions, layerScale, keyBias } = this.config;
    return {
      width: this.width,
      depth: this.depth,
      heads: this.heads,
      mlpRatio: (this.blocks.links[0]?.mlp.fc1.outputs ?? 0) / this.width,
      patchSize: height === width ? height : [height, width],
      relativePositions: relativePositions === "none" ? undefined : relativePositions,
      keyBias: keyBias === false ? keyBias : undefined,
      ...(positions === "none" && { positions }),
      ...(layerScale !== undefined && { layerScale }),
      ...(this.blocksToken !== null && { classAttention: this.blocksToken.links.length }),
    };
  }

  /** Number of patches N. */
  get patches(): number {
    return this.grid[0] * this.grid[1];
  }

  /**
   * tokens of patches [B K D], positions added -> through the blocks, class token first [B 1+K D]
   * @param context which of these patches give keys and values in every block, beside the class token, by their numbers [B M]; absent: all
   */
  encode(tokens: Tensor, context?: Tensor): Tensor {
    return this.norm.call(this.throughBlocks(tokens, context)); // [B 1+K D]
  }

  /** image [B C H W] -> features behind every block, each through the final norm, [B D] each; the last are `features` */
  blockFeatures(image: Tensor, pool: Pool = "mean"): Tensor[] {
    const outputs = this.layerTokens(this.embed(image)); // [B 1+N D] each
    return outputs.map((tokens) => pooled(this.norm.call(tokens), pool));
  }

  /** tokens of patches [B K D], positions added -> behind every block in turn, class token first, the final norm not applied [B 1+K D] each */
  layerTokens(tokens: Tensor): Tensor[] {
    const outputs = this.blocks.outputs(this.entering(tokens), this.sharedTable()); // without a class token in them [B K D] each
    return outputs.map((one) => this.leaving(one));
  }

  /** Blocks as its own, to stand behind block `after` (counted from 1), dropped in training as often as those of so deep an encoder. */
  blocksBehind(after: number, count: number): Chain<Block> {
    const { dropPath } = this.config;
    const rates = dropPathRates(dropPath, Math.max(this.depth, after + count)).slice(after, after + count);
    return new Chain(rates.map((rate) => this.makeBlock(rate)));
  }

  /** tokens, class token first [B 1+K D] -> through such blocks, which are given what its own share [B 1+K D] */
  through(blocks: Chain<Block>, tokens: Tensor): Tensor {
    return blocks.call(tokens, this.sharedTable());
  }

  /** @param rate at which its branches are dropped while training */
  private makeBlock(rate: number): Block {
    const { width, heads, mlpRatio, layerScale, keyBias = true, relativePositions } = this.config;
    const relative = this.needsEveryPatch ? { grid: this.grid, own: relativePositions === "perBlock" } : undefined;
    return new Block(width, heads, mlpRatio, rate, { layerScale, keyBias, relative });
  }

  /** tokens of patches [B K D], positions added -> class token first, the final norm not applied [B 1+K D] */
  protected throughBlocks(tokens: Tensor, context?: Tensor): Tensor {
    const giving = context && this.withClassToken(context); // [B 1+M], without a class token [B M]
    return this.leaving(this.blocks.call(this.entering(tokens), this.sharedTable(), giving)); // [B 1+K D]
  }

  /** numbers of patches [B M] -> those of their tokens in the blocks, the class token's before them if it is there [B 1+M] */
  private withClassToken(patches: Tensor): Tensor {
    if (this.blocksToken !== null) return patches;
    return cat([patches.slice(1, 0, 1).mul(0), patches.add(1)], 1);
  }

  /** The table of relative positions that blocks share [R H]; undefined where each has its own, or none does. */
  private sharedTable(): Tensor | undefined {
    return this.relPosBias?.call();
  }

  /** tokens of patches [B K D], positions added -> what goes into the blocks: the class token before them, unless it comes after [B 1+K D] */
  private entering(tokens: Tensor): Tensor {
    return this.blocksToken === null ? cat([this.classToken(tokens.side(0)), tokens], 1) : tokens;
  }

  /** what comes out of the blocks -> class token first; where it did not go through them it takes from the patches now [B 1+K D] */
  private leaving(tokens: Tensor): Tensor {
    if (this.blocksToken === null) return tokens;
    return cat([this.blocksToken.call(this.classToken(tokens.side(0)), tokens), tokens], 1); // [B 1+K D]
  }

  /** -> for each of B pictures [B 1 D] */
  private classToken(B: number): Tensor {
    const { clsToken, posEmbed } = this;
    const first = posEmbed === null ? clsToken : clsToken.add(posEmbed.slice(1, 0, 1)); // [1 1 D]
    return first.expand([B, -1, -1]);
  }

  /** image [B C H W] -> how much the class token takes of each patch in the last block, by head [B H h w] (DINO, figure 1) */
  classAttention(image: Tensor): Tensor {
    const weights =
      this.blocksToken === null ? this.lastAttention(image) : this.readingAttention(image, this.blocksToken);
    const [h, w] = this.patchGrid(image);
    return weights
      .select(2, 0)
      .slice(2, 1)
      .reshape([image.side(0), this.heads, h, w]); // [B H h w]
  }

  /** image [B C H W] -> the weights of the last block [B H 1+N 1+N] */
  private lastAttention(image: Tensor): Tensor {
    const { links } = this.blocks;
    const last = links.at(-1) as Block;
    const table = this.sharedTable();
    const before = links.slice(0, -1).reduce((x, link) => link.call(x, table), this.entering(this.embed(image))); // [B 1+N D]
    return last.attn.weights(last.norm1.call(before), table); // [B H 1+N 1+N]
  }

  /** image [B C H W] -> the weights of the last of the blocks that the class token has to itself [B H 1 1+N] */
  private readingAttention(image: Tensor, { links }: Chain<ClassBlock>): Tensor {
    const last = links.at(-1) as ClassBlock;
    const tokens = this.blocks.call(this.embed(image)); // [B N D]
    const cls = links.slice(0, -1).reduce((x, link) => link.call(x, tokens), this.classToken(image.side(0))); // [B 1 D]
    return last.attn.weights(last.norm1.call(cat([cls, tokens], 1))); // [B H 1 1+N]
  }

  /** image [B C H W] -> its tokens, without positions [B N D] */
  protected abstract tokens(image: Tensor): Tensor;

  /** image [B C H W], of any size that the patches divide -> tokens with their positions [B N D] */
  private embed(image: Tensor): Tensor {
    return this.positioned(this.tokens(image), this.patchGrid(image)); // [B N D]
  }

  /** Patches of an image, down and across. */
  protected patchGrid(image: Tensor): Size {
    return [image.side(2) / this.patchSize[0], image.side(3) / this.patchSize[1]];
  }

  /**
   * tokens of all patches of a grid [B N D] -> with their positions [B N D]
   * @param grid of the picture: the table is resized where it is not the encoder's own (timm, DINO)
   */
  positioned(tokens: Tensor, grid: Size = this.grid): Tensor {
    if (this.posEmbed === null) return tokens;
    return tokens.add(resizePositions(this.posEmbed, this.grid, grid, this.config.positionOffset).slice(1, 1)); // [B N D]
  }

  /** tokens of the patches `ids` [B K D], ids [B K] -> with their positions [B K D] */
  positionedSome(tokens: Tensor, ids: Tensor): Tensor {
    if (this.posEmbed === null) return tokens;
    return tokens.add(take(this.posEmbed.slice(1, 1).expand([tokens.side(0), -1, -1]), ids)); // [B K D]
  }

  /** image [B C H W] -> tokens [B 1+N D], class token first */
  protected forward(image: Tensor): Tensor {
    return this.encode(this.embed(image)); // [B 1+N D]
  }

  /** image [B C H W] -> mean of the patch tokens before the final norm [B D]: classifiers put their own behind */
  unnormed(image: Tensor): Tensor {
    const tokens = this.blocks.call(this.entering(this.embed(image)), this.sharedTable()); // [B 1+N D], without a class token [B N D]
    return tokens.slice(1, this.blocksToken === null ? 1 : 0).mean([1]); // [B D]
  }

  /** image [B C H W] -> mean of the patch tokens, or the class token, after the final norm [B D] */
  features(image: Tensor, pool: Pool = "mean"): Tensor {
    return pooled(this.call(image), pool);
  }

  /** image [B C H W] -> the patch tokens after the final norm as one map [B D h w] */
  stages(image: Tensor): readonly FeatureMap[] {
    return [{ map: this.mapOf(this.call(image), image), stride: this.patchSize }];
  }

  /** tokens of an image [B 1+N D], class token first -> those of the patches as a map [B D h w] */
  protected mapOf(tokens: Tensor, image: Tensor): Tensor {
    const [h, w] = this.patchGrid(image);
    return tokens
      .slice(1, 1)
      .transpose(1, 2)
      .reshape([image.side(0), this.width, h, w]);
  }

  get depth(): number {
    return this.blocks.links.length;
  }

  get stride(): Size {
    return this.patchSize;
  }

  accepts([height, width]: Size): boolean {
    if (this.needsEveryPatch) return height === this.imageSize[0] && width === this.imageSize[1];
    return height % this.patchSize[0] === 0 && width % this.patchSize[1] === 0;
  }

  /**
   * 0: tokens, positions and patches; i + 1: block i; depth + 1: the final norm and a table of relative positions that all blocks share
   * (BEiT, MAE: util/lr_decay.py).
   */
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
    return [...(count === 0 ? [] : blocks), ...(this.blocksToken?.links ?? []), this.norm] as readonly Part[];
  }

  get layerPaths(): readonly string[] {
    return this.blocks.links.map((_, i) => `blocks.${i}`);
  }

  /** None where the class token does not go through the layers: their rows do not tell what it takes. */
  get attentionPaths(): readonly string[] | undefined {
    return this.blocksToken === null ? this.layerPaths.map((path) => `${path}.attn`) : undefined;
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

/** tokens [B 1+N D], class token first -> [B D] */
function pooled(tokens: Tensor, pool: Pool): Tensor {
  return pool === "class" ? tokens.select(1, 0) : tokens.slice(1, 1).mean([1]);
}

/** @throws ConfigError for positions that do not go with the width, or with class attention */
function checkTrunk({ width, positions, relativePositions = "none", classAttention = 0 }: TrunkConfig): void {
  if (width % 4 !== 0 && positions === "sinCos")
    throw new ConfigError({
      problem: `positions need a width that 4 divides, got ${width}.`,
      code: "width",
      path: "model.width",
      expected: "a multiple of 4",
      actual: width,
      remedy: `Take ${Math.ceil(width / 4) * 4}.`,
    });
  if (relativePositions !== "none" && classAttention > 0)
    throw new ConfigError({
      problem: "relative positions are between the class token and patches that go through the blocks together.",
      code: "class-attention",
      path: "model.classAttention",
      expected: 0,
      actual: classAttention,
      remedy: "Set model.relativePositions to none, or model.classAttention to 0.",
    });
}

/** @throws ConfigError that names the nearest image size which divides */
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
