import { join, resolve } from "node:path";
import type { Source, SourceInput } from "./spec.js";

/**
 * How many pictures of `judged` are in `trained` too: by their files, or, of a published set, all of them where both are the same
 * part of it. What cannot be opened any more shares nothing.
 * @param open opens a source of files; a published set is known without it
 */
export async function sharedPictures(
  judged: Source,
  trained: SourceInput,
  open: (spec: SourceInput) => Promise<Source>,
): Promise<number> {
  const { spec, content } = judged;
  if ("split" in trained) return isSamePart(spec, trained) ? Math.min(judged.size, trained.limit ?? judged.size) : 0;
  if (content.kind !== "files") return 0;
  const other = (await open(trained).catch(() => undefined))?.content;
  if (other?.kind !== "files") return 0;
  const known = new Set(other.paths.map((path) => join(resolve(other.root), path)));
  return content.paths.filter((path) => known.has(join(resolve(content.root), path))).length;
}

/** The same split of the same published set. */
function isSamePart(a: SourceInput, b: SourceInput): boolean {
  return "split" in a && "split" in b && a.kind === b.kind && a.split === b.split;
}
