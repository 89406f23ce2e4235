/** Descriptions of sources, as they stand in a config, and what an opened source knows. */
import { z } from "zod";
import type { Unreachable } from "./files.js";

/** Which pictures of a set in memory are taken, and how often. */
const pixelKeys = {
  limit: z.int().min(1).optional().describe("only this number of first pictures"),
  repeat: z
    .int()
    .min(1)
    .optional()
    .describe("each picture so often in an epoch, every time with draws of its own: few pictures for as many steps"),
};

/** The keys by which a source of files is split, shared by all sources of files. */
const partKeys = {
  part: z.enum(["all", "train", "heldOut"]).default("all").describe("which side of the split"),
  holdOut: z.number().min(0).lt(1).default(0).describe("share of the pictures that is held out of training"),
  seed: z.int().min(0).default(0).describe("another seed holds out other pictures"),
  stratified: z.boolean().optional().describe("hold out this share of each class, and not of all pictures together"),
};

const folderSchema = z
  .strictObject({ kind: z.literal("folder"), path: z.string().min(1), ...partKeys })
  .describe(
    "a tree of pictures; the first folder below `path` (below train, valid, test) is the class, where all lie in such folders",
  );

export type FolderSpec = z.output<typeof folderSchema>;

const fileListSchema = z
  .strictObject({ kind: z.literal("list"), path: z.string().min(1), ...partKeys })
  .describe(
    "a text file with one picture a line, relative to its own folder; optionally a tab and a label behind it. Or a table (.csv, .tsv, .jsonl) with a path, and if there is one a caption and a label",
  );

export type FileListSpec = z.output<typeof fileListSchema>;

const cifar10Schema = z
  .strictObject({
    kind: z.literal("cifar10"),
    split: z.enum(["train", "test"]),
    ...pixelKeys,
  })
  .describe("CIFAR-10: 50,000 + 10,000 photographs of 32 × 32 pixels in 10 classes");

export type Cifar10Spec = z.output<typeof cifar10Schema>;

const fashionMnistSchema = z
  .strictObject({
    kind: z.literal("fashion-mnist"),
    split: z.enum(["train", "test"]),
    path: z.string().min(1).optional().describe("a folder with the four IDX files; fetched where left out"),
    ...pixelKeys,
  })
  .describe("Fashion-MNIST, or a set in the same files: 60,000 + 10,000 grey pictures of 28 × 28 pixels in 10 classes");

export type FashionMnistSpec = z.output<typeof fashionMnistSchema>;

const packedSchema = z
  .strictObject({ kind: z.literal("packed"), path: z.string().min(1), ...partKeys })
  .describe("a folder that `lacuna data pack` has made");

export type PackedSpec = z.output<typeof packedSchema>;

const tarSchema = z
  .strictObject({ kind: z.literal("tar"), path: z.string().min(1), ...partKeys })
  .describe(
    "tar archives of pictures, each with its caption under the same name (000001.jpg, 000001.txt or .json): one, a folder of them, or a pattern such as shards/0*.tar",
  );

export type TarSpec = z.output<typeof tarSchema>;

const unknownSchema = z
  .strictObject({ kind: z.literal("unknown") })
  .describe("pictures that are not known: in the configuration of a model that came from elsewhere");

export const sourceSchema = z.discriminatedUnion("kind", [
  folderSchema,
  fileListSchema,
  cifar10Schema,
  fashionMnistSchema,
  packedSchema,
  tarSchema,
  unknownSchema,
]);

/** A source's description, complete. */
export type SourceSpec = z.output<typeof sourceSchema>;
/** A description as it may be written: what has a default may be left out. */
export type SourceInput = z.input<typeof sourceSchema>;

export interface FileContent {
  readonly kind: "files";
  /** Absolute. */
  readonly root: string;
  /** Relative to the root; may lead out of it for a list. */
  readonly paths: readonly string[];
}

export interface PixelContent {
  readonly kind: "pixels";
  /** [size height width channels], on a SharedArrayBuffer. */
  readonly data: Uint8Array;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** An opened source. */
export interface Source {
  readonly spec: SourceSpec;
  readonly size: number;
  /** SHA-256 in hex, over names and sizes (files) or contents (pixels): has the data changed since? */
  readonly fingerprint: string;
  readonly classes: readonly string[] | undefined;
  /** [size], numbers of `classes`. */
  readonly labels: Int32Array | undefined;
  /** [size], texts that go with the pictures, "" where one has none; absent where the source has no texts. */
  readonly captions?: readonly string[] | undefined;
  /** Path relative to the source, or "train/123". */
  name(index: number): string;
  readonly content: FileContent | PixelContent;
  /** Of a folder, what could not be reached in it and was left out; absent where there is nothing. */
  readonly unreachable?: readonly Unreachable[];
}

export type FileSource = Source & { readonly content: FileContent };
export type PixelSource = Source & { readonly content: PixelContent };

/** What a source that has to be fetched is doing. */
export interface SourceProgress {
  /** One line for people. */
  readonly text: string;
  /** Share of all steps that is done, 0 … 1. */
  readonly share: number;
}
