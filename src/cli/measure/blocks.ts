/** Numbers of last blocks, as `--blocks` names them. */
import { UsageError } from "../errors.js";

/** `4`, `0.5` or `all`, and how long, where that was said. */
export interface Asked {
  readonly blocks: string;
  readonly epochs: number | undefined;
}

/** 0, ½, 1, 2, 4, … and all: the doubling steps of the paper's figure 9. */
export function usualBlocks(depth: number): Asked[] {
  const doubled = Array.from({ length: 16 }, (_, power) => 2 ** power).filter((count) => count < depth);
  return ["0", "0.5", ...doubled.map(String), "all"].map((blocks) => ({ blocks, epochs: undefined }));
}

/** Reads `0,0.5:200,1,all:50`. So many blocks as there are is `all`, and what is named twice counts once. @throws UsageError */
export function readBlocks(text: string, depth: number): Asked[] {
  const asked = text.split(",").map((part): Asked => {
    const [, count, epochs] = /^\s*(all|0\.5|½|\d+)(?::(\d+(?:\.\d+)?))?\s*$/.exec(part) ?? [];
    if (count === undefined || Number(epochs) === 0 || Number(count) > depth) {
      throw new UsageError({
        code: "blocks",
        path: "--blocks",
        expected: `numbers from 0 to ${depth}, 0.5 or all, each with :epochs or without, with commas between them`,
        actual: part.trim() || "nothing between two commas",
        remedy: "For example: --blocks 0,0.5,1,all:50",
      });
    }
    const blocks = count === "½" ? "0.5" : Number(count) === depth ? "all" : count;
    return { blocks, epochs: epochs === undefined ? undefined : Number(epochs) };
  });
  const same = (a: Asked, b: Asked): boolean => a.blocks === b.blocks && a.epochs === b.epochs;
  return asked.filter((one, i) => asked.findIndex((other) => same(one, other)) === i);
}
