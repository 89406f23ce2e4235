/** Pictures as they are named on the command line: single files, or a source. */
import { hasArrayName, hasPictureName, statOf } from "../../data/sources/names.js";
import type { Source } from "../../index.js";
import { areArchives, severalArchives } from "../config/flags.js";
import { parseSource } from "../config/sources.js";
import { UsageError } from "../errors.js";

const isPicture = (path: string): boolean => hasPictureName(path) || hasArrayName(path);

/** One source, or the files that were named. @throws UsageError */
export async function openPictures(given: readonly string[]): Promise<Source> {
  const { openSource } = await import("../../index.js");
  const [first] = given;
  if (given.length === 1 && first !== undefined && !isPicture(first)) return openSource(parseSource(first, "test"));
  if (areArchives(given)) throw severalArchives(given);
  for (const path of given) {
    if (statOf(path)?.isFile() === true) continue;
    throw new UsageError({
      code: "source",
      path,
      expected: "picture files, or a single folder or list",
      actual: statOf(path) === undefined ? "nothing of that name" : "a folder among files",
      remedy: "Name files only, or one folder.",
    });
  }
  const { sourceOfFiles } = await import("../../public/data.js");
  return sourceOfFiles(given);
}
