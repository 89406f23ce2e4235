/** What a backbone answers about itself, so that nobody above it has to look inside. */
import { ShapeError } from "../engine/errors.js";
import type { Block } from "../nn/block.js";
import type { CellMask } from "../nn/convolution/visible-cells.js";
import type { LayerNorm } from "../nn/layer-norm.js";
import type { Chain, Module, Part } from "../nn/module.js";
import { PatchEmbed, type Size } from "../nn/patches.js";
import type { Tensor } from "../tensor/tensor.js";
import type { ExportGraph } from "./exports.js";

/** What an encoder is given besides its config: the pictures' size and channels. */
export interface ImageShape {
  readonly imageSize: Size;
  readonly channels: number;
}

/** How a picture becomes one vector: the mean over its positions, or the class token. */
export type Pool = "mean" | "class";

/** A map of features: one vector for every `stride` × `stride` pixels. */
export interface FeatureMap {
  readonly map: Tensor; // [B C h w]
  /** Pixels from one position to the next, down and across. */
  readonly stride: Size;
}

export type { CellMask, Part };

/** What every backbone offers. Called, it gives its last layer's output: tokens [B N D] or a map [B D h w]. */
export interface Encoder extends Module<[Tensor], Tensor> {
  /** Features of an image, per vector. */
  readonly width: number;
  readonly channels: number;
  /** The size that it was built for. */
  readonly imageSize: Size;
  /** Pixels for one position of the last layer, down and across: the patch, or the product of all strides. */
  readonly stride: Size;
  /** Layers by which learning rates decay: blocks of a ViT, stages or groups of blocks of a ConvNet. */
  readonly depth: number;
  /** The poolings that it has; the first is used where nobody asks for one. */
  readonly pools: readonly [Pool, ...Pool[]];
  /** Whether pictures of this size can be encoded. */
  accepts(size: Size): boolean;
  /** image [B C H W] -> one feature vector an image [B D], normed as evaluation wants it; nothing is masked */
  features(image: Tensor, pool?: Pool): Tensor;
  /**
   * For encoders whose classifiers pool first and put a norm of their own in place of the encoder's last one:
   * image -> the mean over positions before that norm [B D]. Undefined: `features` is what a classifier stands on.
   */
  unnormed?(image: Tensor): Tensor;
  /** image [B C H W] -> maps for dense prediction, finest first: strides 4 to 32 of a hierarchy, one stride of a ViT */
  stages(image: Tensor): readonly FeatureMap[];
  /** Names of parameters that `features` alone asks for, not the maps of `stages`: a norm behind the pooling. */
  readonly behindStages?: readonly string[];
  /** Where a parameter of its state stands: 0 next to the pixels, `depth` the last layer, `depth + 1` what comes behind. */
  layerOf(name: string): number;
  /** The last `count` layers and what stands behind them; 0.5 is the second half of the last one. */
  lastLayers(count: number): readonly Part[];
  /** The modules of its layers by their paths below it, first to last: `blocks.0`. */
  readonly layerPaths: readonly string[];
  /** Where its layers have attention, the modules that compute it: `blocks.0.attn`. */
  readonly attentionPaths?: readonly string[] | undefined;
  /** Heads of each of them. */
  readonly heads?: number;
  /** Parts of a batch that its norms treat apart while training, as on so many devices; 1 if absent. */
  readonly normSplits?: number;
  /** For encoders with a class token: how much it takes of each patch in the last layer. image [B C H W] -> [B heads h w], float32 */
  classAttention?(image: Tensor): Tensor;
  /** Graphs of the encoder for other programs; the first is `encoder`. @param pool of its `pooler_output`, the encoder's own if absent */
  exports(pool?: Pool): readonly ExportGraph[];
  /** Sizes that its parameters' shapes follow from, by the keys of its configuration; what a checkpoint must agree in. */
  readonly sizes?: Readonly<Record<string, unknown>>;
  /** Whether activations are computed again in backward instead of kept. */
  setCheckpointing(on: boolean): void;
}

/** An encoder whose patches are tokens: a method can leave some out, and encode the rest. */
export interface PatchEncoder extends Encoder {
  readonly patchEmbed: PatchEmbed;
  readonly patchSize: Size;
  /** Patches down and across. */
  readonly grid: Size;
  /** Number of patches N. */
  readonly patches: number;
  /** Whether only all patches together can be encoded: none may be left out. */
  readonly needsEveryPatch: boolean;
  /** Whether it is told where patches stand; without positions the order of its tokens changes nothing but their order. */
  readonly hasPositions: boolean;
  /**
   * image [B C H W], whether each patch is hidden [B N] (bool), what stands in place of hidden ones, positions not added [1 1 D] -> latent of
   * all patches in image order, the final norm applied, class token first [B 1+N D]
   */
  encodeTokens(image: Tensor, hidden: Tensor, token: Tensor): Tensor;
  /** tokens of all patches in image order [B N D] -> with their positions [B N D] */
  positioned(tokens: Tensor): Tensor;
  /** tokens of the patches `ids` [B K D], ids [B K] -> with their positions [B K D] */
  positionedSome(tokens: Tensor, ids: Tensor): Tensor;
  /**
   * tokens of patches [B K D], positions added -> through the blocks and the final norm, class token first [B 1+K D]
   * @param context which of these patches give keys and values in every block, beside the class token, by their numbers [B M]; absent: all
   */
  encode(tokens: Tensor, context?: Tensor): Tensor;
  unnormed(image: Tensor): Tensor;
}

/** An encoder whose layers all give vectors of one kind, so that each can be judged or taught as the last one is. */
export interface BlockEncoder extends Encoder {
  /** image [B C H W] -> features behind every layer, normed as the last one's are, [B D] each; the last are `features` */
  blockFeatures(image: Tensor, pool?: Pool): readonly Tensor[];
}

/** An encoder of patches behind whose blocks a method can put more of the same kind. */
export interface LayeredEncoder extends PatchEncoder {
  /** The final norm. */
  readonly norm: LayerNorm;
  /** As `encodeTokens`, not encoded yet: tokens of all patches, positions added [B N D] */
  replacedTokens(image: Tensor, hidden: Tensor, token: Tensor): Tensor;
  /** tokens of patches [B K D], positions added -> behind every block in turn, class token first, the final norm not applied [B 1+K D] each */
  layerTokens(tokens: Tensor): readonly Tensor[];
  /** Blocks as its own, to stand behind block `after` (counted from 1), dropped in training as often as those of so deep an encoder. */
  blocksBehind(after: number, count: number): Chain<Block>;
  /** tokens, class token first [B 1+K D] -> through such blocks, which are given what its own share [B 1+K D] */
  through(blocks: Chain<Block>, tokens: Tensor): Tensor;
}

/** An encoder of maps: a method can hide cells of its last map, and nothing of them is seen. */
export interface DenseEncoder extends Encoder {
  /** Cells of the last map, down and across. */
  readonly grid: Size;
  /**
   * image [B C H W], which of the h · w cells are visible -> map [B D h w], zero at hidden cells. Visible cells are those of a
   * sparse encoder: no pixel of a hidden cell changes them.
   */
  encodeMasked(image: Tensor, mask: CellMask): Tensor;
  /** the mean over positions of its map [B D] -> the feature vectors that `features` makes of it [B D] */
  featuresOf(mean: Tensor): Tensor;
}

/** An encoder in which a method can hide patches behind one token: it sees every place, and at hidden ones nothing of the picture. */
export interface TokenEncoder extends Encoder {
  /** Sides of a patch of its first layer. */
  readonly patchSize: Size;
  /** Numbers in what the first layer makes of a patch, and in the token. */
  readonly tokenWidth: number;
  /** Names that its authors spare from weight decay with mask tokens, besides vectors: its own, and `mask_token`, the method's. */
  readonly undecayed: readonly string[];
  /**
   * image [B C H W], whether each patch is hidden [B N] (bool, row by row), what stands in place of hidden ones, positions not added
   * [1 1 E] -> the last layer's map, normed [B D h w]
   */
  encodeReplaced(image: Tensor, hidden: Tensor, token: Tensor): Tensor;
}

/** An encoder that gives a vector for each place of a picture, and whose features are their mean. */
export interface RegionEncoder extends Encoder {
  /** image [B C H W] -> a vector for each place of the last layer, row by row [B N D] */
  regions(image: Tensor): Tensor;
}

/** For methods that learn from maps: what stands behind them gets no gradient and keeps its first values. */
export function holdBehindStages(encoder: Encoder): void {
  const state = encoder.state();
  for (const name of encoder.behindStages ?? []) state.get(name)?.setRequiresGrad(false);
}

/** Which encoders a method can train, and how an error names them. */
export interface EncoderKind<E extends Encoder> {
  /** "a ViT" */
  readonly what: string;
  is(encoder: Encoder): encoder is E;
  /** What to do with an encoder that is not of the kind, where another choice of model is not the nearest way. */
  readonly remedy?: string;
}

/** For methods that train every encoder. */
export const anyEncoder: EncoderKind<Encoder> = {
  what: "any encoder",
  is: (encoder): encoder is Encoder => encoder.width > 0,
};

/** For methods that leave out patches: encoders whose patches are tokens. */
export const patchEncoder: EncoderKind<PatchEncoder> = {
  what: "an encoder of patches (vit)",
  is: (encoder): encoder is PatchEncoder => "patchEmbed" in encoder && encoder.patchEmbed instanceof PatchEmbed,
};

/** For methods that put blocks of their own behind the encoder's. */
export const layeredEncoder: EncoderKind<LayeredEncoder> = {
  what: "an encoder of patches whose class token goes through its blocks (vit)",
  is: (encoder): encoder is LayeredEncoder =>
    patchEncoder.is(encoder) && "blocksBehind" in encoder && encoder.attentionPaths !== undefined,
  remedy: "Set model.name to vit, model.classAttention to 0.",
};

/** For methods that ask where patches stand: encoders of patches that are not told so. */
export const placelessEncoder: EncoderKind<PatchEncoder> = {
  what: 'an encoder of patches without positions (vit with `positions: "none"`)',
  is: (encoder): encoder is PatchEncoder => patchEncoder.is(encoder) && !encoder.hasPositions,
  remedy: "Set model.name to vit, model.positions and model.relativePositions to none.",
};

/** For methods that teach every layer. */
export const blockEncoder: EncoderKind<BlockEncoder> = {
  what: "an encoder of equal blocks (vit, vitConvStem)",
  is: (encoder): encoder is BlockEncoder => "blockFeatures" in encoder,
};

/** For methods that hide cells of a map. */
export const denseEncoder: EncoderKind<DenseEncoder> = {
  what: "an encoder of maps that can hide cells (convnextV2)",
  is: (encoder): encoder is DenseEncoder => "encodeMasked" in encoder,
};

/** For methods that compare places of pictures. */
export const regionEncoder: EncoderKind<RegionEncoder> = {
  what: "an encoder of maps whose features are their mean (swin, resnet)",
  is: (encoder): encoder is RegionEncoder => "regions" in encoder,
};

/** For methods that put a token in place of patches. */
export const tokenEncoder: EncoderKind<TokenEncoder> = {
  what: "an encoder that takes mask tokens (vit, swin)",
  is: (encoder): encoder is TokenEncoder => "encodeReplaced" in encoder,
};

/** For encoders of the kind. @throws ShapeError unless the mask has a place for each of the patches of each picture */
export function checkHidden(hidden: Tensor, pictures: number, [h, w]: Size): void {
  if (hidden.rank === 2 && hidden.side(0) === pictures && hidden.side(1) === h * w) return;
  throw new ShapeError({
    problem: `a mask of [${hidden.shape.join(" ")}] does not fit ${pictures} pictures of ${h} × ${w} patches.`,
    code: "shape",
    expected: [pictures, h * w],
    actual: hidden.shape,
  });
}
