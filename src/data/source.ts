/**
 * Sources of pictures. In a config a source is a description that can be written down; it is opened where it is used.
 * An opened source knows names, labels and a fingerprint; its pictures are files, or pixels on shared memory.
 */
import { z } from "zod";
import { cifar10Schema, openCifar10 } from "./sources/cifar10.js";
import { fashionMnistSchema, openFashionMnist } from "./sources/fashion-mnist.js";
import { fileListSchema, openFileList } from "./sources/file-list.js";
import { folderSchema, openFolder } from "./sources/folder.js";

export const sourceSchema = z.discriminatedUnion("kind", [
  folderSchema,
  fileListSchema,
  cifar10Schema,
  fashionMnistSchema,
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
  /** Path relative to the source, or "train/123". */
  name(index: number): string;
  readonly content: FileContent | PixelContent;
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

export interface OpenOptions {
  readonly onProgress?: (progress: SourceProgress) => void;
}

/**
 * Opens a source. Files are listed, not read; CIFAR-10 and Fashion-MNIST are fetched into the cache folder the first
 * time and held in memory.
 * @throws DataError saying what is wrong with the source as a whole; z.ZodError for a description that is none
 */
export async function openSource(input: SourceInput, options: OpenOptions = {}): Promise<Source> {
  const spec = sourceSchema.parse(input);
  const onProgress = options.onProgress ?? (() => {});
  switch (spec.kind) {
    case "folder":
      return openFolder(spec);
    case "list":
      return openFileList(spec);
    case "cifar10":
      return openCifar10(spec, onProgress);
    case "fashion-mnist":
      return openFashionMnist(spec, onProgress);
  }
}
