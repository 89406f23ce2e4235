/**
 * Sources of pictures. In a config a source is a description that can be written down; it is opened where it is used.
 * An opened source knows names, labels and a fingerprint; its pictures are files, or pixels on shared memory.
 */
import { checked } from "../checked.js";
import { DataError } from "./errors.js";
import { openCifar10 } from "./sources/cifar10.js";
import { openFashionMnist } from "./sources/fashion-mnist.js";
import { openFolder } from "./sources/folder.js";
import { openFileList } from "./sources/lists/file-list.js";
import { openPacked } from "./sources/packed/source.js";
import { openTar } from "./sources/packed/tar.js";
import { type Source, type SourceInput, type SourceProgress, sourceSchema } from "./sources/spec.js";

export {
  type Source,
  type SourceInput,
  type SourceProgress,
  type SourceSpec,
  sourceSchema,
} from "./sources/spec.js";

export interface OpenOptions {
  readonly onProgress?: (progress: SourceProgress) => void;
}

/**
 * Opens a source. Files are listed, not read, archives read through once; CIFAR-10 and Fashion-MNIST are fetched into the cache folder the first
 * time and held in memory.
 * @throws DataError saying what is wrong with the source as a whole; ConfigError for a description that is none
 */
export async function openSource(input: SourceInput, options: OpenOptions = {}): Promise<Source> {
  const spec = checked(sourceSchema, input, "source");
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
    case "packed":
      return openPacked(spec);
    case "tar":
      return openTar(spec);
    case "unknown":
      throw new DataError({
        code: "unknown-source",
        path: "data.source",
        expected: "pictures",
        actual: "a model that came without any",
        remedy: "Say which pictures are meant.",
      });
  }
}
