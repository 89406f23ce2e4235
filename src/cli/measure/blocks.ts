/** Numbers of last blocks, as `--blocks` names them. */
import type { PartialBlocks } from "../../public/sweep.js";
import { UsageError } from "../errors.js";

/** Reads `0,0.5:200,1,all:50`. So many blocks as there are is `all`, and what is named twice counts once. @throws UsageError */
export function readBlocks(text: string, depth: number): PartialBlocks[] {
  const asked = text.split(",").map((part): PartialBlocks => {
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
    const blocks = count === "½" ? 0.5 : count === "all" || Number(count) === depth ? "all" : Number(count);
    return { blocks, epochs: epochs === undefined ? undefined : Number(epochs) };
  });
  const same = (a: PartialBlocks, b: PartialBlocks): boolean => a.blocks === b.blocks && a.epochs === b.epochs;
  return asked.filter((one, i) => asked.findIndex((other) => same(one, other)) === i);
}
