/** Folders that hold the parts of a set, and not classes: train, valid and test in the spellings that people use. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DataError } from "../../errors.js";
import { statOf } from "../names.js";

/** The parts that a set of pictures is divided into. */
export type SplitName = "train" | "validation" | "test";

const spellings: Readonly<Record<SplitName, readonly string[]>> = {
  train: ["train", "training", "trn"],
  validation: ["val", "valid", "validation", "validate", "dev"],
  test: ["test", "testing", "tst", "eval", "evaluation"],
};

/** Words beside the part's own: `train_set`, `test-images`; years and other numbers are no words (`val2017`). */
const besides = new Set(["", "set", "split", "data", "dataset", "images", "imgs", "pictures", "photos"]);

/** Which part of a set a folder of this name holds; undefined for all other names. */
export function splitOfName(name: string): SplitName | undefined {
  const words = name.toLowerCase().split(/[^\p{L}]+/u);
  const [word = "", ...more] = words.filter((text) => !besides.has(text));
  if (more.length > 0) return undefined;
  const bare = word.replace(/(data)?set$/, ""); // trainset
  return (Object.keys(spellings) as SplitName[]).find((part) => spellings[part].includes(bare));
}

/** A folder that has parts: their names, and those of the folders beside them. */
export interface Splits {
  readonly train: string;
  readonly validation?: string;
  readonly test?: string;
  readonly others: readonly string[];
}

/**
 * The parts of a set whose folders lie in `folder`: one to learn from and at least one to judge by, each with folders of
 * classes in it. Undefined where there are none, or no folder. @throws DataError where two folders claim the same part
 */
export function findSplits(folder: string): Splits | undefined {
  const found: Partial<Record<SplitName, string>> = {};
  const others: string[] = [];
  for (const name of foldersIn(folder)) {
    const part = splitOfName(name);
    if (part === undefined || foldersIn(join(folder, name)).length === 0) others.push(name);
    else if (found[part] !== undefined) throw twice(folder, part, [found[part], name]);
    else found[part] = name;
  }
  const { train, ...judging } = found;
  return train === undefined || Object.keys(judging).length === 0 ? undefined : { train, ...judging, others };
}

/** None where `folder` is a file or may not be read: whoever opens it says so. */
function foldersIn(folder: string): string[] {
  const isFolder = (name: string): boolean => statOf(join(folder, name))?.isDirectory() === true;
  try {
    return readdirSync(folder)
      .filter((name) => !name.startsWith(".") && isFolder(name))
      .sort();
  } catch {
    return [];
  }
}

function twice(path: string, part: SplitName, names: readonly string[]): DataError {
  return new DataError({
    code: "two-splits",
    path,
    expected: `one ${part} folder`,
    actual: names.join(" and "),
    remedy: "Name the folders: --train <folder> --test <folder>.",
  });
}
