/** Sources as they are typed: a folder, a list, a packed set or a file of it, archives, `cifar10:test`, or a description in JSON. */
import { type Dirent, existsSync, readdirSync } from "node:fs";
import { basename, dirname, extname, join, resolve } from "node:path";
import { hasPictureName, statOf } from "../../data/sources/names.js";
import type { SourceInput } from "../../index.js";
import { UsageError } from "../errors.js";
import { nearest } from "./nearest.js";

const published = ["cifar10", "fashion-mnist"] as const;

/**
 * `photos`, `list.txt`, `packed:photos-packed`, `shards/*.tar`, `cifar10`, `cifar10:test`, `cifar10:train:5000`, `{"kind": …}`. Paths become absolute, so that a
 * run can be resumed from anywhere. @throws UsageError where nothing of that name is there
 */
export function parseSource(text: string, split: "train" | "test" = "train"): SourceInput {
  if (text.startsWith("{")) return parseDescription(text);
  if (text.startsWith("packed:")) return { kind: "packed", path: resolve(text.slice("packed:".length)) };
  const [name, part, count] = text.split(":");
  const kind = published.find((known) => known === name);
  if (kind !== undefined && !existsSync(text)) return parsePublished(text, kind, part ?? split, count);
  const stat = statOf(text);
  if (stat?.isDirectory() === true) return { kind: folderKind(text), path: resolve(text) };
  if (stat?.isFile() === true) return parseFile(text);
  if (text.includes("*") && isTarName(text)) return { kind: "tar", path: resolve(text) };
  const near = nearest(name ?? text, published);
  throw new UsageError({
    code: "source",
    path: text,
    expected: `a folder of pictures, a list of them, or ${published.join(", ")}`,
    actual: "nothing of that name",
    remedy: near === undefined ? "Check the path." : `Did you mean ${near}?`,
  });
}

function parsePublished(text: string, kind: (typeof published)[number], part: string, count?: string): SourceInput {
  const limit = count === undefined ? undefined : Number(count);
  if ((part === "train" || part === "test") && (limit === undefined || (Number.isInteger(limit) && limit > 0)))
    return { kind, split: part, ...(limit === undefined ? {} : { limit }) };
  throw new UsageError({
    code: "source",
    path: text,
    expected: `${kind}:train or ${kind}:test, optionally :<number of pictures>`,
    actual: text,
  });
}

function parseDescription(text: string): SourceInput {
  try {
    return JSON.parse(text) as SourceInput; // its schema is checked where it is opened
  } catch {
    throw new UsageError({ code: "source", path: text, expected: "a description in JSON", actual: "other text" });
  }
}

function parseFile(text: string): SourceInput {
  if (hasPictureName(text)) {
    throw new UsageError({
      code: "source",
      path: text,
      expected: "a folder or a list of pictures",
      actual: "one picture",
      remedy: "Give its folder.",
    });
  }
  if (isTarName(text)) return { kind: "tar", path: resolve(text) };
  const folder = dirname(resolve(text));
  const isPart = /(^|[\\/])(pack\.json|\d{5,}\.pack)$/.test(text); // of a packed set
  return isPart ? { kind: "packed", path: folder } : { kind: "list", path: resolve(text) };
}

const isTarName = (name: string): boolean => extname(name).toLowerCase() === ".tar";

/** A folder with archives at its top, and neither folders nor pictures beside them, is one of archives. */
function folderKind(folder: string): "packed" | "tar" | "folder" {
  if (existsSync(join(folder, "pack.json"))) return "packed";
  const entries = entriesOf(folder).filter(({ name }) => !name.startsWith("."));
  const hasOthers = entries.some((entry) => entry.isDirectory() || hasPictureName(entry.name));
  return entries.some(({ name }) => isTarName(name)) && !hasOthers ? "tar" : "folder";
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return []; // whoever opens the folder says that it cannot be read
  }
}

/** A short name for what a source holds. */
export function sourceName(source: SourceInput): string {
  if (source.kind === "tar")
    return (
      basename(source.path)
        .replaceAll("*", "")
        .replace(/\.tar$/i, "") || "tar"
    );
  const hasFolder = source.kind === "folder" || source.kind === "list" || source.kind === "packed";
  return hasFolder ? basename(source.path).replace(/\.txt$/, "") : source.kind;
}
