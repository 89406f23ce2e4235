/**
 * Fashion-MNIST (Xiao, Rasul and Vollgraf 2017): 70,000 grey pictures of 28 × 28 pixels in ten classes, as four IDX files,
 * gzipped or plain. Read from a folder that is given, or fetched with apt from Debian's package of it.
 */
import { existsSync, readFileSync } from "node:fs";
import { copyFile, readdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { gunzipSync } from "node:zlib";
import { parseIdx } from "../../formats/idx.js";
import { DataError } from "../errors.js";
import { FetchFailure, filledOnce, runProgram } from "./cache.js";
import { fingerprintOfPixels, pixelSource } from "./pixels.js";
import type { FashionMnistSpec, PixelSource, SourceProgress } from "./spec.js";

const CLASSES = [
  "T-shirt/top",
  "Trouser",
  "Pullover",
  "Dress",
  "Coat",
  "Sandal",
  "Shirt",
  "Sneaker",
  "Bag",
  "Ankle boot",
];
const PREFIXES = { train: "train", test: "t10k" } as const;
const KINDS = ["images-idx3-ubyte", "labels-idx1-ubyte"] as const;
const DEBIAN_PACKAGE = "dataset-fashion-mnist";
const DEBIAN_FOLDER = "usr/share/datasets/fashion-mnist";

/**
 * Opens one split.
 * @throws DataError missing, damaged, not-fetched, limit
 */
export async function openFashionMnist(
  spec: FashionMnistSpec,
  report: (progress: SourceProgress) => void,
): Promise<PixelSource> {
  const folder = spec.path === undefined ? await fetched(report) : resolve(spec.path);
  const pictures = readIdx(folder, `${PREFIXES[spec.split]}-${KINDS[0]}`, 3);
  const labels = readIdx(folder, `${PREFIXES[spec.split]}-${KINDS[1]}`, 1);
  const [size, height, width] = pictures.shape as [number, number, number];
  if (labels.shape[0] !== size || labels.data.some((label) => label >= CLASSES.length)) {
    const expected = `${size} labels from 0 to ${CLASSES.length - 1}, one for each picture`;
    const actual = `${labels.shape[0]} labels up to ${labels.data.reduce((a, b) => Math.max(a, b), 0)}`;
    throw new DataError({ code: "damaged", path: folder, expected, actual });
  }
  const set = { spec, classes: CLASSES, pixels: pictures.data, labels: labels.data, height, width, channels: 1 };
  return pixelSource(set, fingerprintOfPixels(pictures.data, labels.data));
}

function readIdx(folder: string, name: string, dimensions: number): { shape: readonly number[]; data: Uint8Array } {
  const file = [join(folder, `${name}.gz`), join(folder, name)].find((path) => existsSync(path));
  if (file === undefined) {
    const remedy = "The folder must hold the four files of Fashion-MNIST, gzipped or not, under their own names.";
    throw new DataError({
      code: "missing",
      path: folder,
      expected: `${name}.gz or ${name}`,
      actual: "neither",
      remedy,
    });
  }
  try {
    const bytes = readFileSync(file);
    const array = parseIdx(file.endsWith(".gz") ? gunzipSync(bytes) : bytes, file);
    if (array.dtype === "U8" && array.shape.length === dimensions) return array;
    throw new FetchFailure(`${array.dtype} numbers in ${array.shape.length} dimensions`);
  } catch (cause) {
    throw new DataError({
      code: "damaged",
      path: file,
      expected: `an IDX file of bytes in ${dimensions} dimensions`,
      actual: cause instanceof Error ? cause.message : String(cause),
      remedy: "Fetch the file again.",
      cause,
    });
  }
}

function fetched(report: (progress: SourceProgress) => void): Promise<string> {
  return filledOnce(
    "fashion-mnist",
    async (folder) => {
      try {
        report({ text: `Fashion-MNIST: fetching the Debian package ${DEBIAN_PACKAGE} (31 MB, once)`, share: 0 });
        await runProgram("apt-get", ["download", DEBIAN_PACKAGE], folder);
        const archive = (await readdir(folder)).find((name) => name.endsWith(".deb"));
        if (archive === undefined) throw new FetchFailure("no package");
        report({ text: "Fashion-MNIST: unpacking", share: 0.8 });
        await runProgram("dpkg", ["-x", archive, "unpacked"], folder);
        for (const prefix of Object.values(PREFIXES)) {
          for (const kind of KINDS) {
            const name = `${prefix}-${kind}.gz`;
            await copyFile(join(folder, "unpacked", DEBIAN_FOLDER, name), join(folder, name));
          }
        }
        await rm(join(folder, "unpacked"), { recursive: true });
        await rm(join(folder, archive));
      } catch (cause) {
        throw notFetched(cause);
      }
    },
    (text) => report({ text, share: 0 }),
  );
}

function notFetched(cause: unknown): DataError {
  return new DataError({
    code: "not-fetched",
    path: "Fashion-MNIST",
    expected: `the Debian package ${DEBIAN_PACKAGE}`,
    actual: cause instanceof Error ? cause.message : String(cause),
    remedy:
      'On Debian or Ubuntu run "apt-get update" and try again. Elsewhere fetch the four files train-images-idx3-ubyte.gz, ' +
      "train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz and t10k-labels-idx1-ubyte.gz and give their folder as `path`.",
    cause,
  });
}
