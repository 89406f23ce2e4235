/** Pictures as files: finding them, choosing a part of them, and a fingerprint of the choice. */
import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { hasArrayName, hasPictureName, pathOnDisk, statOf, textOfBytes } from "./names.js";

/** Files below a root, as paths relative to it with "/" between the parts. */
export interface FoundFiles {
  readonly pictures: readonly string[];
  /** Files that are not pictures by their name. */
  readonly others: readonly string[];
  /** Folders that may not be read, links to themselves or through a file. */
  readonly unreachable: readonly Unreachable[];
}

export interface Unreachable {
  readonly path: string;
  /** The system's code: `EACCES`, `ELOOP`, `ENOTDIR`. */
  readonly reason: string;
}

/**
 * By what a folder that Lacuna has written is known: a run, a packed set (whole or not), a page, a sweep, a judged classifier,
 * a curve of partial fine-tuning. What lies in one, wherever it is, was not given as a picture.
 */
const OWN: readonly (readonly string[])[] = [
  ["run.json", "events.jsonl"],
  ["pack.json", "settings.json"],
  ["settings.json", "00000.pack"],
  ["settings.json", "00000.pack.partial"],
  ["page.json", "index.html"],
  ["sweep.json", "points"],
  ["scores.json", "confusion.svg"],
  ["partial.json"],
];

/**
 * All files below `root`, at any depth, in the byte order of their paths. Left out are hidden files and folders, and folders
 * below the root that Lacuna has written. Links are followed; a folder is entered once however many links lead to it, real
 * folders before links, so that loops end and the answer does not depend on the order of a listing. What cannot be reached
 * ends nothing: it is named.
 * @throws the system's error where the root itself cannot be read
 */
export async function findFiles(root: string): Promise<FoundFiles> {
  const pictures: string[] = [];
  const others: string[] = [];
  const unreachable: Unreachable[] = [];
  const entered = new Set<string>();
  const linked: string[] = [];
  const waiting = [""];
  for (let folder = waiting.pop() ?? linked.shift(); folder !== undefined; folder = waiting.pop() ?? linked.shift()) {
    const entries = await listing(join(root, folder), entered).catch((error: unknown) => {
      if (folder === "") throw error;
      unreachable.push({ path: folder, reason: codeOf(error) });
      return [];
    });
    if (folder !== "" && isOwn(entries)) continue;
    for (const entry of filesFirst(entries)) {
      if (entry.name.startsWith(".")) continue;
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      const kind = kindOf(entry.type, join(root, path));
      if (kind === "folder") (entry.type === "link" ? linked : waiting).push(path);
      if (kind === "file") (hasPictureName(path) ? pictures : others).push(path);
      if (typeof kind === "object") unreachable.push({ path, ...kind });
    }
  }
  if (pictures.length > 0 || !others.some(hasArrayName)) return { ...sorted(pictures, others), unreachable };
  const rest = others.filter((path) => !hasArrayName(path));
  return { ...sorted(others.filter(hasArrayName), rest), unreachable };
}

interface Entry {
  readonly name: string;
  readonly type: "file" | "folder" | "link" | "other";
}

/** Nothing for a folder that was entered before. */
async function listing(folder: string, entered: Set<string>): Promise<Entry[]> {
  const onDisk = pathOnDisk(folder);
  const { dev, ino } = statSync(onDisk);
  const identity = `${dev}:${ino}`;
  if (entered.has(identity)) return [];
  entered.add(identity);
  const entries = await readdir(onDisk, { withFileTypes: true, encoding: "buffer" });
  return entries.map((entry) => {
    const type = entry.isFile() ? "file" : entry.isDirectory() ? "folder" : entry.isSymbolicLink() ? "link" : "other";
    return { name: textOfBytes(entry.name), type };
  });
}

function isOwn(entries: readonly Entry[]): boolean {
  const names = new Set(entries.map(({ name }) => name));
  return OWN.some((files) => files.every((name) => names.has(name)));
}

/** Of a folder that several links lead to, the name must not depend on the listing: all but files in order. */
function filesFirst(entries: readonly Entry[]): Entry[] {
  const others = entries.filter(({ type }) => type !== "file").sort((a, b) => (a.name < b.name ? -1 : 1));
  return [...entries.filter(({ type }) => type === "file"), ...others]; // files are sorted at the end, all at once
}

function sorted(pictures: readonly string[], others: readonly string[]): Pick<FoundFiles, "pictures" | "others"> {
  return { pictures: inByteOrder(pictures), others: inByteOrder(others) };
}

/** Pipes, sockets and devices are neither. A link of a picture's name that leads nowhere counts as a file, so that it gets reported. */
function kindOf(type: Entry["type"], path: string): "file" | "folder" | { readonly reason: string } | undefined {
  if (type === "other") return undefined;
  if (type !== "link") return type;
  try {
    const target = statSync(pathOnDisk(path));
    if (target.isFile()) return "file";
    return target.isDirectory() ? "folder" : undefined;
  } catch (error) {
    return hasPictureName(path) || codeOf(error) === "ENOENT" ? "file" : { reason: codeOf(error) };
  }
}

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? String(error);

/** Sorts by UTF-8 bytes, which is the same everywhere; JavaScript's own order, several times as fast, differs beyond U+FFFF. */
export function inByteOrder(texts: readonly string[]): string[] {
  if (!texts.some((text) => /[\ud800-\uffff]/.test(text))) return [...texts].sort();
  const keyed = texts.map((text) => ({ text, key: Buffer.from(text) }));
  return keyed.sort((a, b) => Buffer.compare(a.key, b.key)).map(({ text }) => text);
}

/** SHA-256, in hex, over the names and sizes in bytes (−1 where there is no file). Contents are not read. */
export function fingerprintOfFiles(root: string, paths: readonly string[]): string {
  const hash = createHash("sha256");
  for (const path of paths) {
    const size = statOf(join(root, path))?.size ?? -1;
    hash.update(`${path}\0${size}\n`);
  }
  return hash.digest("hex");
}
