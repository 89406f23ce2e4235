/** Pictures as files: finding them, choosing a part of them, and a fingerprint of the choice. */
import { createHash } from "node:crypto";
import { type Dirent, type Stats, statSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { extname, join } from "node:path";

/** Extensions of the formats that are decoded, in lower case. */
export const PICTURE_EXTENSIONS: ReadonlySet<string> = new Set([
  ".jpg",
  ".jpeg",
  ".png",
  ".webp",
  ".gif",
  ".tif",
  ".tiff",
  ".avif",
]);

/** Arrays [H W C]: taken as pictures where a folder has no other. Files of features must not become pictures. */
const ARRAY_EXTENSION = ".npy";

/** Whether a file's name is one of a picture that is read here. */
export function hasPictureName(path: string): boolean {
  return PICTURE_EXTENSIONS.has(extname(path).toLowerCase());
}

/** Files below a root, as paths relative to it with "/" between the parts. */
export interface FoundFiles {
  readonly pictures: readonly string[];
  /** Files that are not pictures by their name. */
  readonly others: readonly string[];
}

/**
 * All files below `root`, at any depth, in the byte order of their paths. Hidden files and folders are left out. Links
 * are followed; a folder is entered once however many links lead to it, real folders before links, so that loops end and
 * the answer does not depend on the order of a listing.
 */
export async function findFiles(root: string): Promise<FoundFiles> {
  const pictures: string[] = [];
  const others: string[] = [];
  const entered = new Set<string>();
  const linked: string[] = [];
  const waiting = [""];
  for (let folder = waiting.pop() ?? linked.shift(); folder !== undefined; folder = waiting.pop() ?? linked.shift()) {
    if (!isNew(join(root, folder), entered)) continue;
    const entries = await readdir(join(root, folder), { withFileTypes: true });
    for (const entry of filesFirst(entries)) {
      if (entry.name.startsWith(".")) continue;
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      const kind = kindOf(entry, join(root, path));
      if (kind === "folder") (entry.isSymbolicLink() ? linked : waiting).push(path);
      if (kind === "file") (hasPictureName(path) ? pictures : others).push(path);
    }
  }
  const isArray = (path: string): boolean => extname(path).toLowerCase() === ARRAY_EXTENSION;
  if (pictures.length > 0 || !others.some(isArray)) return sorted(pictures, others);
  return sorted(
    others.filter(isArray),
    others.filter((path) => !isArray(path)),
  );
}

/** Of a folder that several links lead to, the name must not depend on the listing: all but files in order. */
function filesFirst(entries: readonly Dirent[]): Dirent[] {
  const others = entries.filter((entry) => !entry.isFile()).sort((a, b) => (a.name < b.name ? -1 : 1));
  return [...entries.filter((entry) => entry.isFile()), ...others]; // files are sorted at the end, all at once
}

function sorted(pictures: readonly string[], others: readonly string[]): FoundFiles {
  return { pictures: inByteOrder(pictures), others: inByteOrder(others) };
}

function isNew(folder: string, entered: Set<string>): boolean {
  const { dev, ino } = statSync(folder);
  const identity = `${dev}:${ino}`;
  if (entered.has(identity)) return false;
  entered.add(identity);
  return true;
}

/** Pipes, sockets and devices are neither. A link that leads nowhere counts as a file, so that it gets reported. */
function kindOf(entry: Dirent, path: string): "file" | "folder" | undefined {
  let target: Dirent | Stats = entry;
  if (entry.isSymbolicLink()) {
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats === undefined) return "file";
    target = stats;
  }
  if (target.isFile()) return "file";
  return target.isDirectory() ? "folder" : undefined;
}

/**
 * What lies at a path, links followed. Undefined where nothing can be reached: no entry, a link to itself or through a
 * file, a folder that may not be entered.
 */
export function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** Sorts by UTF-8 bytes, which is the same everywhere; JavaScript's own order, several times as fast, differs beyond U+FFFF. */
export function inByteOrder(texts: readonly string[]): string[] {
  if (!texts.some((text) => /[\ud800-\uffff]/.test(text))) return [...texts].sort();
  const keyed = texts.map((text) => ({ text, key: Buffer.from(text) }));
  return keyed.sort((a, b) => Buffer.compare(a.key, b.key)).map(({ text }) => text);
}

/** Which pictures of a source: all, or one side of a split that depends on each path alone. */
export interface PartOptions {
  readonly part: "all" | "train" | "heldOut";
  /** Share of the pictures that is held out, 0 … 1. */
  readonly holdOut: number;
  readonly seed: number;
}

/**
 * Whether a picture belongs to the part. Decided by a hash of its relative path, so that pictures that come or go move
 * no other picture to the other side, and a moved folder splits as before.
 */
export function isInPart(path: string, { part, holdOut, seed }: PartOptions): boolean {
  if (part === "all") return true;
  const word = createHash("sha256").update(`${seed}\n${path}`).digest().readUInt32BE(0);
  const held = word / 2 ** 32 < holdOut;
  return held === (part === "heldOut");
}

/** SHA-256, in hex, over the names and sizes in bytes (−1 where there is no file). Contents are not read. */
export function fingerprintOfFiles(root: string, paths: readonly string[]): string {
  const hash = createHash("sha256");
  for (const path of paths) {
    const size = statSync(join(root, path), { throwIfNoEntry: false })?.size ?? -1;
    hash.update(`${path}\0${size}\n`);
  }
  return hash.digest("hex");
}
