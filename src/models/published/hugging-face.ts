/** The JSON files of a transformers folder, with the keys and values that `save_pretrained` of transformers 5 writes. */
import type { Size } from "../../nn/patches.js";
import type { PublishedShape, StackShape } from "./shape.js";
import type { Normalization, Pretraining } from "./told.js";

type Json = Record<string, unknown>;

/** MAE's own decoder (paper, table 1): what transformers writes where there is none. */
const usualDecoder: StackShape = { width: 512, depth: 8, heads: 16, mlpRatio: 4 };

const sideOf = (size: Size): number | Size => (size[0] === size[1] ? size[0] : size);
const imageOf = ({ grid, patchSize }: PublishedShape): Size => [grid[0] * patchSize[0], grid[1] * patchSize[1]];

function common(shape: PublishedShape): Json {
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

/** config.json of a ViTMAE. */
export function vitMaeConfig(shape: PublishedShape, { maskRatio, normalizeTargets }: Pretraining): Json {
  const decoder = shape.decoder ?? usualDecoder;
  return sorted({
    ...common(shape),
    architectures: [shape.decoder === undefined ? "ViTMAEModel" : "ViTMAEForPreTraining"],
    decoder_hidden_size: decoder.width,
    decoder_intermediate_size: Math.round(decoder.width * decoder.mlpRatio),
    decoder_num_attention_heads: decoder.heads,
    decoder_num_hidden_layers: decoder.depth,
    mask_ratio: maskRatio ?? 0.75,
    model_type: "vit_mae",
    norm_pix_loss: normalizeTargets ?? false,
  });
}

/** config.json of a ViT, with names of classes where it has a head. */
export function vitConfig(shape: PublishedShape, classes: readonly string[] | undefined): Json {
  const names = classes ?? Array.from({ length: shape.head?.classes ?? 0 }, (_, i) => `LABEL_${i}`);
  const isUsual = classes === undefined && names.length === 2; // transformers' own default is not written
  return sorted({
    ...common(shape),
    architectures: [shape.head === undefined ? "ViTModel" : "ViTForImageClassification"],
    encoder_stride: 16,
    ...(names.length > 0 && !isUsual ? labels(names) : {}),
    model_type: "vit",
    pooler_act: "tanh",
    pooler_output_size: shape.width,
  });
}

function labels(names: readonly string[]): Json {
  const pairs = names.map((name, i) => [name, i] as const);
  return {
    id2label: Object.fromEntries(pairs.map(([name, i]) => [String(i), name])),
    label2id: Object.fromEntries(pairs),
  };
}

/** ImageNet's, as MAE was trained with. */
export const usualNormalization: Normalization = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

/** preprocessor_config.json: bicubic resizing, as the published recipes. */
export function preprocessor(shape: PublishedShape, { mean, std }: Normalization): Json {
  const [height, width] = imageOf(shape);
  return {
    do_normalize: true,
    do_rescale: true,
    do_resize: true,
    image_mean: mean,
    image_processor_type: "ViTImageProcessor",
    image_std: std,
    resample: 3,
    rescale_factor: 1 / 255,
    size: { height, width },
  };
}

function sorted(json: Json): Json {
  return Object.fromEntries(Object.entries(json).sort(([a], [b]) => (a < b ? -1 : 1)));
}
