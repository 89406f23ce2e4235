/**
 * Layouts of ConvNeXt V2 checkpoints. `official`: facebookresearch/ConvNeXt-V2, dense, in a file of torch.save. `timm`: timm's
 * `convnextv2_…` in safetensors. `hf-convnextv2`: a folder of transformers.
 */
import type { TensorFile } from "./files.js";
import { labelsOf, sorted } from "./hugging-face.js";
import { imageOf, type Layout, lostParts, type ReadHints, type Reading, unknownName, type Writable } from "./layout.js";
import { type NamePair, type Naming, naming } from "./naming.js";
import { type PublishedTensor, reshaped, sides, type Tensors, tensorIn } from "./tensors.js";
import { checkTold, epsilonNote } from "./told.js";

const official: readonly NamePair[] = [
  ["downsample_layers.{s}.{i}.", "downsample_layers.{s}.{i}."],
  ["stages.{s}.{b}.", "stages.{s}.{b}."],
  ["norm.", "norm."],
  ["head.", "head."],
];

const timm: readonly NamePair[] = [
  ["downsample_layers.0.{i}.", "stem.{i}."],
  ["downsample_layers.{s}.{i}.", "stages.{s}.downsample.{i}."],
  ["stages.{s}.{b}.dwconv.", "stages.{s}.blocks.{b}.conv_dw."],
  ["stages.{s}.{b}.norm.", "stages.{s}.blocks.{b}.norm."],
  ["stages.{s}.{b}.pwconv1.", "stages.{s}.blocks.{b}.mlp.fc1."],
  ["stages.{s}.{b}.pwconv2.", "stages.{s}.blocks.{b}.mlp.fc2."],
  ["stages.{s}.{b}.grn.gamma", "stages.{s}.blocks.{b}.mlp.grn.weight"],
  ["stages.{s}.{b}.grn.beta", "stages.{s}.blocks.{b}.mlp.grn.bias"],
  ["norm.", "head.norm."],
  ["head.", "head.fc."],
];

const inside = "convnextv2.encoder.stages";
const huggingFace: readonly NamePair[] = [
  ["downsample_layers.0.0.", "convnextv2.embeddings.patch_embeddings."],
  ["downsample_layers.0.1.", "convnextv2.embeddings.layernorm."],
  ["downsample_layers.{s}.{i}.", `${inside}.{s}.downsampling_layer.{i}.`],
  ["stages.{s}.{b}.dwconv.", `${inside}.{s}.layers.{b}.dwconv.`],
  ["stages.{s}.{b}.norm.", `${inside}.{s}.layers.{b}.layernorm.`],
  ["stages.{s}.{b}.pwconv1.", `${inside}.{s}.layers.{b}.pwconv1.`],
  ["stages.{s}.{b}.pwconv2.", `${inside}.{s}.layers.{b}.pwconv2.`],
  ["stages.{s}.{b}.grn.gamma", `${inside}.{s}.layers.{b}.grn.weight`],
  ["stages.{s}.{b}.grn.beta", `${inside}.{s}.layers.{b}.grn.bias`],
  ["norm.", "convnextv2.layernorm."],
  ["head.", "classifier."],
];

/** @param name the model's, as configurations say it */
export function convnextV2Layouts(name: string): readonly Layout[] {
  return [
    layoutOf(name, { name: "official", form: "pth", pairs: official, anchor: "downsample_layers.0.0.weight" }),
    layoutOf(name, { name: "timm", form: "safetensors", pairs: timm, anchor: "stem.0.weight", flat: true }),
    layoutOf(name, {
      name: "hf-convnextv2",
      form: "folder",
      pairs: huggingFace,
      anchor: "convnextv2.embeddings.patch_embeddings.weight",
      before: "convnextv2.",
    }),
  ];
}

interface Spec {
  readonly name: string;
  readonly form: Layout["form"];
  readonly pairs: readonly NamePair[];
  /** The first convolution. */
  readonly anchor: string;
  /** Vectors of the response normalisation have one side there, and four in ours. */
  readonly flat?: boolean;
  /** What stands before the encoder's names where there is a classifier, and may be missing where there is none. */
  readonly before?: string;
}

function layoutOf(model: string, { name, form, pairs, anchor, flat = false, before = "" }: Spec): Layout {
  const names = naming(pairs);
  const bare = anchor.slice(before.length);
  const literal = (text: string): string => text.replaceAll(".", String.raw`\.`);
  return {
    name,
    form,
    ...(form === "pth" && { under: "model" }),
    anchors: [`(?:${literal(before)})?${literal(bare)}`],
    read(file, hints) {
      const isBare = file.names.includes(bare);
      if (!isBare && !file.names.includes(anchor)) return undefined;
      if (before !== "") checkTold(file, { hidden_act: "gelu" });
      return readingOf(model, name, file, renamed(file, names, isBare ? before : ""), hints);
    },
    write(published) {
      if (published.model.name !== model) return undefined;
      const { classifier, classes } = published;
      const isBare = classifier === undefined;
      const tensors = new Map(
        [...published.tensors].map(([own, tensor]): [string, PublishedTensor] => {
          const theirs = names.theirs(own) as string;
          const written = flat && own.includes(".grn.") ? reshaped(tensor, [tensor.shape.at(-1) ?? 0]) : tensor;
          return [isBare && theirs.startsWith(before) ? theirs.slice(before.length) : theirs, written];
        }),
      );
      return {
        tensors,
        ...(before !== "" && { config: configJson(published, classifier?.classes ?? 0, classes) }),
        dropped: lostParts(published, "a ConvNeXt"),
      };
    },
  };
}

function renamed(file: TensorFile, names: Naming, before: string): Tensors {
  return new Map(
    file.names.map((name): [string, PublishedTensor] => {
      const ours = names.ours(name) ?? names.ours(before + name);
      if (ours === undefined) throw unknownName(file.path, name, "this ConvNeXt V2");
      const tensor = tensorIn(file, name);
      return [ours, ours.includes(".grn.") ? reshaped(tensor, [1, 1, 1, tensor.shape.at(-1) ?? 0]) : tensor];
    }),
  );
}

function readingOf(name: string, layout: string, file: TensorFile, tensors: Tensors, hints: ReadHints): Reading {
  const [first = 0, channels = 0, stem = 0] = sides(tensors, file.path, "downsample_layers.0.0.weight", 4);
  const widths = [1, 2, 3].map((s) => sides(tensors, file.path, `downsample_layers.${s}.1.weight`, 4)[0] ?? 0);
  const depths = [0, 1, 2, 3].map((s) => blocksOf(tensors, s));
  const { imageSize, assumed } = imageOf(file, hints);
  const classes = tensors.get("head.weight")?.shape[0];
  const lacksNorm = !tensors.has("norm.weight");
  return {
    layout,
    model: { name, widths: [first, ...widths], depths, stem },
    guessed: [],
    image: { imageSize, channels },
    tensors,
    optional: ["norm.weight", "norm.bias"], // pre-training has none
    ...(classes !== undefined && { classifier: { classes, pool: "mean" } }),
    assumed: [
      ...assumed,
      ...(lacksNorm ? ["the norm behind the pooling has weight 1 and bias 0: the file holds none"] : []),
      ...epsilonNote(file),
    ],
    dropped: [],
  };
}

function blocksOf(tensors: Tensors, stage: number): number {
  const found = [...tensors.keys()].flatMap((name) => {
    const [, s, b] = /^stages\.(\d+)\.(\d+)\./.exec(name) ?? [];
    return Number(s) === stage ? [Number(b) + 1] : [];
  });
  return Math.max(0, ...found);
}

/** config.json as transformers 5 writes it. */
function configJson({ model, image }: Writable, classes: number, names: readonly string[] | undefined) {
  const { widths, depths, stem } = model as unknown as Record<"widths" | "depths", number[]> & { stem: number };
  return sorted({
    architectures: [classes === 0 ? "ConvNextV2Model" : "ConvNextV2ForImageClassification"],
    depths,
    drop_path_rate: 0,
    dtype: "float32",
    hidden_act: "gelu",
    hidden_sizes: widths,
    ...labelsOf(classes, names),
    image_size: image.imageSize[0],
    initializer_range: 0.02,
    layer_norm_eps: 1e-6,
    model_type: "convnextv2",
    num_channels: image.channels,
    num_stages: 4,
    out_features: ["stage4"],
    out_indices: [4],
    patch_size: stem,
    stage_names: ["stem", "stage1", "stage2", "stage3", "stage4"],
  });
}
