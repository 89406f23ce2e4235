/** Pictures as they are named on the command line: single files, or a source; and what a classifier says of them. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { hasArrayName, hasPictureName, statOf } from "../../data/sources/names.js";
import type { Classified, LoadedClassifier, Source, SourceInput, Unreadable } from "../../index.js";
import { parseSource } from "../config/sources.js";
import { UsageError } from "../errors.js";
import type { Report } from "../report.js";
import { whole } from "../words.js";

const isPicture = (path: string): boolean => hasPictureName(path) || hasArrayName(path);

interface Named extends Disposable {
  readonly source: SourceInput;
  /** A picture's name as it was given, of its name in the source. */
  shown(name: string): string;
}

/** One source, or the files that were named, as a list in a temporary folder that goes when this is disposed. */
export function predictionSource(given: readonly string[]): Named {
  const [first] = given;
  if (given.length === 1 && first !== undefined && !isPicture(first))
    return { source: parseSource(first, "test"), shown: (name) => name, [Symbol.dispose]: () => undefined };
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
  const folder = mkdtempSync(join(tmpdir(), "lacuna-predict-"));
  const list = join(folder, "pictures.txt");
  writeFileSync(list, `${given.map((path) => resolve(path)).join("\n")}\n`);
  const typed = new Map(given.map((path) => [resolve(path), path]));
  return {
    source: { kind: "list", path: list },
    shown: (name) => typed.get(resolve(folder, name)) ?? name,
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Every picture of a source through a classifier, with a line of progress. */
export async function classify(
  report: Report,
  classifier: LoadedClassifier,
  source: Source,
  batchSize?: number,
): Promise<{ pictures: Classified[]; skipped: Unreadable[] }> {
  const { classifyAll } = await import("../../index.js");
  const live = await report.live();
  const onBatch = (share: number): void => live.update(share, `${whole(share * source.size)}/${whole(source.size)}`);
  try {
    return await classifyAll(classifier, source, { onBatch, ...(batchSize === undefined ? {} : { batchSize }) });
  } finally {
    live.stop();
  }
}
