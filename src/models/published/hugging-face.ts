/** What all folders of transformers have: classes in config.json, and the preprocessing of pictures. */
import type { ImageShape } from "../encoder.js";
import { type Normalization, usualNormalization } from "./told.js";

type Json = Record<string, unknown>;

/** `id2label` and `label2id`. @param names LABEL_0, LABEL_1, … where nobody knows them, as transformers calls them */
export function labelsOf(classes: number, names: readonly string[] | undefined): Json {
  const own = names ?? Array.from({ length: classes }, (_, i) => `LABEL_${i}`);
  const isUsual = names === undefined && classes === 2; // transformers' own default is not written
  if (classes === 0 || isUsual) return {};
  const pairs = own.map((name, i) => [name, i] as const);
  return {
    id2label: Object.fromEntries(pairs.map(([name, i]) => [String(i), name])),
    label2id: Object.fromEntries(pairs),
  };
}

/**
 * preprocessor_config.json: what `lacuna embed` does with a picture, for transformers and transformers.js. The shorter side is
 * resized, bicubically and with antialiasing, and the middle cut out; ViTImageProcessor would squeeze the picture into the size.
 */
export function preprocessor(image: ImageShape, { mean, std }: Normalization = usualNormalization): Json {
  const [height, width] = image.imageSize;
  return {
    crop_size: { height, width },
    do_center_crop: true,
    do_convert_rgb: image.channels === 3,
    do_normalize: true,
    do_rescale: true,
    do_resize: true,
    image_mean: mean,
    image_processor_type: "BitImageProcessor",
    image_std: std,
    resample: 3,
    rescale_factor: 1 / 255,
    size: { shortest_edge: Math.max(height, width) },
  };
}

/** Keys in the order of the alphabet, as transformers writes them. */
export function sorted(json: Json): Json {
  return Object.fromEntries(Object.entries(json).sort(([a], [b]) => (a < b ? -1 : 1)));
}
