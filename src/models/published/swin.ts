/**
 * Layouts of Swin Transformer checkpoints. `official`: microsoft/Swin-Transformer, whose names ours are, in a file of torch.save. `timm`:
 * timm's `swin_…` in safetensors, where a stage begins with what merges the map before it.
 */
import { CheckpointError } from "../../engine/errors.js";
import type { TensorFile } from "./files.js";
import { imageOf, type Layout, lost, lostParts, type ReadHints, type Reading, unknownName } from "./layout.js";
import { type NamePair, type Naming, naming } from "./naming.js";
import { type PublishedTensor, sides, type Tensors, tensorIn } from "./tensors.js";

const ours: readonly NamePair[] = [
  ["patch_embed.", "patch_embed."],
  ["layers.{s}.blocks.{b}.", "layers.{s}.blocks.{b}."],
];

const official: readonly NamePair[] = [
  ...ours,
  ["layers.{s}.downsample.", "layers.{s}.downsample."],
  ["norm.", "norm."],
  ["head.", "head."],
];

const timm: readonly NamePair[] = [
  ...ours,
  ...[0, 1, 2].map((s): NamePair => [`layers.${s}.downsample.`, `layers.${s + 1}.downsample.`]),
  ["norm.", "norm."],
  ["head.", "head.fc."],
];

const table = "layers.0.blocks.0.attn.relative_position_bias_table";
/** What follows from the windows. */
const isDerived = (name: string): boolean => /\.(?:relative_position_index|attn_mask)$/.test(name);

/** @param name the model's, as configurations say it */
export function swinLayouts(name: string): readonly Layout[] {
  return [
    layoutOf(name, { name: "official", form: "pth", pairs: official }),
    layoutOf(name, { name: "timm", form: "safetensors", pairs: timm }),
  ];
}

interface Spec {
  readonly name: string;
  readonly form: "pth" | "safetensors";
  readonly pairs: readonly NamePair[];
}

function layoutOf(model: string, { name, form, pairs }: Spec): Layout {
  const names = naming(pairs);
  return {
    name,
    form,
    ...(form === "pth" && { under: "model" }),
    anchors: [table.replaceAll(".", String.raw`\.`)],
    read(file, hints) {
      const isForm = (file.format === "torch") === (form === "pth");
      if (!isForm || !file.names.includes(table)) return undefined;
      return readingOf(model, name, file, renamed(file, names), hints);
    },
    write(published) {
      if (published.model.name !== model) return undefined;
      const tensors = new Map([...published.tensors].map(([own, tensor]) => [names.theirs(own) as string, tensor]));
      return { tensors, dropped: lostParts(published, "a Swin Transformer") };
    },
  };
}

function renamed(file: TensorFile, names: Naming): Tensors {
  return new Map(
    file.names.flatMap((name): [string, PublishedTensor][] => {
      if (isDerived(name)) return [];
      const own = names.ours(name);
      if (own === undefined) throw unknownName(file.path, name, "this Swin Transformer");
      return [[own, tensorIn(file, name)]];
    }),
  );
}

function readingOf(name: string, layout: string, file: TensorFile, tensors: Tensors, hints: ReadHints): Reading {
  const [width = 0, channels = 0, patchSize = 0] = sides(tensors, file.path, "patch_embed.proj.weight", 4);
  const windows = [0, 1, 2, 3].map((s) => windowOf(tensors, file.path, s));
  const smallest = windows[3] as number; // of one window or several in the last map; one in all that are published
  const { imageSize, assumed } = imageOf(file, hints, 8 * patchSize * smallest);
  const classes = tensors.get("head.weight")?.shape[0];
  return {
    layout,
    model: {
      ...{ name, width, patchSize, window: Math.max(...windows) },
      depths: [0, 1, 2, 3].map((s) => blocksOf(tensors, s)),
      heads: [0, 1, 2, 3].map((s) => sides(tensors, file.path, tableOf(s), 2)[1] ?? 0),
    },
    guessed: [],
    image: { imageSize, channels },
    tensors,
    ...(classes !== undefined && { classifier: { classes, pool: "mean" } }),
    assumed,
    dropped: lost(
      "relative_position_index, attn_mask",
      file.names.filter(isDerived).length,
      "they follow from the windows",
    ),
  };
}

const tableOf = (stage: number): string => `layers.${stage}.blocks.0.attn.relative_position_bias_table`;

/** The side of a stage's windows: a table has a row for each of (2w − 1)² relative positions. */
function windowOf(tensors: Tensors, path: string, stage: number): number {
  const [rows = 0] = sides(tensors, path, tableOf(stage), 2);
  const window = (Math.sqrt(rows) + 1) / 2;
  if (Number.isInteger(window)) return window;
  throw new CheckpointError({
    problem: `${tableOf(stage)} has ${rows} rows, which no square window has.`,
    code: "shape",
    path,
    expected: "(2w − 1)² rows for a window of w × w",
    actual: rows,
  });
}

function blocksOf(tensors: Tensors, stage: number): number {
  const found = [...tensors.keys()].flatMap((name) => {
    const [, s, b] = /^layers\.(\d+)\.blocks\.(\d+)\./.exec(name) ?? [];
    return Number(s) === stage ? [Number(b) + 1] : [];
  });
  return Math.max(0, ...found);
}
