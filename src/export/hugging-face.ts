/**
 * A folder that transformers (Python) and transformers.js load by its path or from the Hub: config.json, model.safetensors,
 * preprocessor_config.json, onnx/model*.onnx under the names that transformers.js looks for, and a README.md that is the model's card.
 */
import { basename, join } from "node:path";
import { mostBytes } from "../graph/onnx/export.js";
import type { Precision } from "../graph/onnx/graph.js";
import { makeFolder, writeAtomic } from "../runs/write-atomic.js";
import { convert } from "../train/checkpoints/convert.js";
import type { LoadedModel } from "../train/checkpoints/load.js";
import { encoderOnnx, preprocessing } from "./onnx.js";

/** What the folder says of its licence, and whether it may replace another. */
export interface HuggingFaceOptions {
  /** An SPDX name, or a sentence: under which terms the weights may be used. */
  readonly license?: string;
  /** Replace what is there. */
  readonly overwrite?: boolean;
}

/** What `writeHuggingFace` wrote. */
export interface HuggingFaceFolder {
  readonly files: readonly string[];
  /** What the folder lacks, and why. */
  readonly dropped: readonly string[];
}

/** What transformers.js looks for when it is asked for a dtype: fp32, fp16, q8. */
const onnxNames: Readonly<Record<Precision, string>> = {
  fp32: "model.onnx",
  fp16: "model_fp16.onnx",
  int8: "model_quantized.onnx",
};

/**
 * Writes the encoder. @throws CheckpointError where there is a model already, or the encoder has no place in transformers' ViT
 */
export function writeHuggingFace(
  model: LoadedModel,
  folder: string,
  { license, overwrite = false }: HuggingFaceOptions = {},
): HuggingFaceFolder {
  const converted = convert(model.path, folder, { to: "hf-vit", overwrite });
  makeFolder(join(folder, "onnx"));
  const dropped = [...converted.dropped];
  const onnx = (Object.keys(onnxNames) as Precision[]).flatMap((precision) => {
    const file = encoderOnnx(model, { precision, ...(license === undefined ? {} : { license }) });
    const path = join(folder, "onnx", onnxNames[precision]);
    // More would stand in a second file, under a name that transformers.js does not know.
    if (file.weightBytes <= mostBytes) return file.write(path);
    dropped.push(`onnx/${onnxNames[precision]}: above 1.9 GB, more than one ONNX file holds`);
    return [];
  });
  const prepared = join(folder, "preprocessor_config.json");
  const card = join(folder, "README.md");
  writeAtomic(prepared, `${JSON.stringify(imageProcessor(model), null, 2)}\n`);
  writeAtomic(card, modelCard(model, basename(folder), license));
  return { files: [...new Set([...converted.files, prepared, card, ...onnx])], dropped };
}

/** Shorter side, then the middle: ViTImageProcessor, which `convert` names, would squeeze a picture into the size. */
function imageProcessor({ config }: LoadedModel): object {
  const { resizeShorterSide, centerCrop, rescale, mean, std } = preprocessing(config);
  const [height, width] = centerCrop;
  return {
    crop_size: { height, width },
    do_center_crop: true,
    do_convert_rgb: config.data.channels === 3,
    do_normalize: true,
    do_rescale: true,
    do_resize: true,
    image_mean: mean,
    image_processor_type: "BitImageProcessor",
    image_std: std,
    resample: 3,
    rescale_factor: rescale,
    size: { shortest_edge: resizeShorterSide },
  };
}

function modelCard({ config, step, encoder, pool }: LoadedModel, name: string, license: string | undefined): string {
  const { method } = config;
  const trained = `after ${step} steps of ${method?.name.toUpperCase()}, trained with Lacuna`;
  const origin = method === undefined ? "converted by Lacuna" : trained;
  const [height, width] = encoder.imageSize;
  const [pooling, rows] =
    pool === "class" ? ["the class token", "tokens[:, 0]"] : ["the mean of the patch tokens", "tokens[:, 1:].mean(1)"];
  const spdx = license !== undefined && /^[A-Za-z0-9.+-]+$/.test(license) ? [`license: ${license.toLowerCase()}`] : [];
  return `---
${[...spdx, "library_name: transformers", "pipeline_tag: image-feature-extraction", "tags: [lacuna, self-supervised, vit]"].join("\n")}
---

# ${name}

The encoder of a ViT (${encoder.depth} blocks, width ${encoder.width}, pictures of ${height} × ${width}) ${origin}. Licence of the weights: ${license ?? "not stated by who trained it"}.

\`\`\`js
import { pipeline } from "@huggingface/transformers";

const extract = await pipeline("image-feature-extraction", "${name}", { dtype: "fp32" }); // or fp16, q8
const features = await extract("picture.jpg", { pool: true }); // [1, ${encoder.width}], ${pooling}
\`\`\`

\`\`\`python
from transformers import AutoImageProcessor, ViTModel

processor = AutoImageProcessor.from_pretrained("${name}")
model = ViTModel.from_pretrained("${name}", add_pooling_layer=False)
tokens = model(**processor(image, return_tensors="pt")).last_hidden_state  # [1, 1 + patches, ${encoder.width}], class token first
features = ${rows}
\`\`\`
`;
}
