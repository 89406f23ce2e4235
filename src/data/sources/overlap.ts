import { join, resolve } from "node:path";
import type { Source } from "./spec.js";

/**
 * How many pictures of `judged` are in `trained` too: by their files, or, of a published set, all of them where both are the same
 * part of it.
 */
export function sharedPictures(judged: Source, trained: Source): number {
  const [a, b] = [judged.content, trained.content];
  if (a.kind !== "files" || b.kind !== "files")
    return isSamePart(judged, trained) ? Math.min(judged.size, trained.size) : 0;
  const known = new Set(b.paths.map((path) => join(resolve(b.root), path)));
  return a.paths.filter((path) => known.has(join(resolve(a.root), path))).length;
}

/** The same split of the same published set. */
function isSamePart({ spec: a }: Source, { spec: b }: Source): boolean {
  return "split" in a && "split" in b && a.kind === b.kind && a.split === b.split;
}
