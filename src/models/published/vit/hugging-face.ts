/** The JSON files of a transformers folder, with the keys and values that `save_pretrained` of transformers 5 writes. */
import type { Size } from "../../../nn/patches.js";
import { labelsOf, sorted } from "../hugging-face.js";
import type { StackShape, VitShape } from "./sizes.js";

type Json = Record<string, unknown>;

/** MAE's own decoder (paper, table 1): what transformers writes where there is none. */
const usualDecoder: StackShape = { width: 512, depth: 8, heads: 16, mlpRatio: 4 };

const sideOf = (size: Size): number | Size => (size[0] === size[1] ? size[0] : size);
const imageOf = ({ grid, patchSize }: VitShape): Size => [grid[0] * patchSize[0], grid[1] * patchSize[1]];

function common(shape: VitShape): Json {
  return {
    attention_probs_dropout_prob: 0,
    dtype: "float32",
    hidden_act: "gelu",
    hidden_dropout_prob: 0,
    hidden_size: shape.width,
    image_size: sideOf(imageOf(shape)),
    initializer_range: 0.02,
    intermediate_size: Math.round(shape.width * shape.mlpRatio),
    layer_norm_eps: 1e-6,
    num_attention_heads: shape.heads,
    num_channels: shape.channels,
    num_hidden_layers: shape.depth,
    patch_size: sideOf(shape.patchSize),
    qkv_bias: true,
  };
}

/** What pre-training was told, as far as config.json holds it. */
interface Pretraining {
  readonly decoder?: StackShape | undefined;
  readonly maskRatio?: number | undefined;
  readonly normalizeTargets?: boolean | undefined;
}

/** config.json of a ViTMAE. */
export function vitMaeConfig(shape: VitShape, { decoder: own, maskRatio, normalizeTargets }: Pretraining): Json {
  const decoder = own ?? usualDecoder;
  return sorted({
    ...common(shape),
    architectures: [own === undefined ? "ViTMAEModel" : "ViTMAEForPreTraining"],
    decoder_hidden_size: decoder.width,
    decoder_intermediate_size: Math.round(decoder.width * decoder.mlpRatio),
    decoder_num_attention_heads: decoder.heads,
    decoder_num_hidden_layers: decoder.depth,
    mask_ratio: maskRatio ?? 0.75,
    model_type: "vit_mae",
    norm_pix_loss: normalizeTargets ?? false,
  });
}

/** config.json of a ViT. @param classes of its head; 0: none @param names of the classes, where they are known */
export function vitConfig(shape: VitShape, classes: number, names: readonly string[] | undefined): Json {
  return sorted({
    ...common(shape),
    architectures: [classes === 0 ? "ViTModel" : "ViTForImageClassification"],
    encoder_stride: 16,
    ...labelsOf(classes, names),
    model_type: "vit",
    pooler_act: "tanh",
    pooler_output_size: shape.width,
  });
}
