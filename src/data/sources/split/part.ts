/** Which pictures of a source a part of it has. */
import { createHash } from "node:crypto";

/** All pictures, or one side of a split that depends on their paths alone. */
export interface PartOptions {
  readonly part: "all" | "train" | "heldOut";
  /** Share of the pictures that is held out, 0 … 1. */
  readonly holdOut: number;
  readonly seed: number;
  /** Each class has this share of its own pictures held out, and not the set as a whole. */
  readonly stratified?: boolean | undefined;
}

/**
 * Whether each of these pictures belongs to the part. Decided by a hash of its path, so that a moved folder splits as before. Where the whole
 * set has one share, pictures that come or go move no other picture to the other side. Where each class has its share, those of its
 * pictures are held out whose hashes are lowest: at least one of two, and never all; pictures that come or go may move a neighbour.
 * @param paths of the whole source, relative to it
 * @param classOf of the picture at an index; asked only where each class has its share
 */
export function inPart(
  paths: readonly string[],
  { part, holdOut, seed, stratified = false }: PartOptions,
  classOf: (index: number) => string | number | undefined,
): readonly boolean[] {
  if (part === "all") return paths.map(() => true);
  const words = paths.map((path) => wordOf(path, seed));
  const held = stratified ? ofEachClass(words, holdOut, classOf) : words.map((word) => word / 2 ** 32 < holdOut);
  return held.map((isHeld) => isHeld === (part === "heldOut"));
}

function ofEachClass(words: readonly number[], share: number, classOf: (index: number) => unknown): boolean[] {
  const members = new Map<unknown, number[]>();
  for (const index of words.keys()) {
    const name = classOf(index);
    const of = members.get(name);
    if (of === undefined) members.set(name, [index]);
    else of.push(index);
  }
  const held = words.map(() => false);
  for (const indices of members.values()) {
    const wanted = Math.max(1, Math.round(share * indices.length));
    const count = share === 0 ? 0 : Math.min(wanted, indices.length - 1);
    const ordered = indices.sort((a, b) => (words[a] as number) - (words[b] as number) || a - b);
    for (const index of ordered.slice(0, count)) held[index] = true;
  }
  return held;
}

/** 32 bits that depend on path and seed alone. */
function wordOf(path: string, seed: number): number {
  return createHash("sha256").update(`${seed}\n${path}`).digest().readUInt32BE(0);
}
