/** What a method needs of its pictures besides their pixels, and whether a source has it. */
import type { Source } from "../data/source.js";
import { withCaptions } from "../data/sources/lists/captions.js";
import { withLabels } from "../data/sources/subset.js";
import { ConfigError } from "../errors.js";
import type { DefinedMethod } from "../methods/method.js";

type Needs = Pick<DefinedMethod, "name" | "columns" | "onlyComplete">;

/** The pictures that a method learns from, all of them or those that lack nothing, with the captions that it asks for. */
export function completeFor({ columns, onlyComplete }: Needs, source: Source): Source {
  if (columns.includes("text")) return withCaptions(source) ?? source;
  return onlyComplete && columns.includes("label") ? withLabels(source) : source;
}

/** @throws ConfigError where the method needs what the pictures do not have @param path of the source, in the configuration */
export function checkColumns({ name, columns }: Needs, source: Source, path: string): void {
  if (columns.includes("text") && (source.captions === undefined || source.size === 0))
    throw withoutCaptions(name, path);
  if (!columns.includes("label")) return;
  const { labels, classes = [] } = source;
  if (labels !== undefined && classes.length > 1 && source.size > 0) return;
  throw new ConfigError({
    problem: `${name} learns from classes${classes.length === 1 ? ", and these pictures are all of one" : ", and these pictures have none"}.`,
    code: "no-classes",
    path,
    expected: "a folder for each class, or a list with labels",
    actual: classes.length === 1 ? `one class, ${classes[0]}` : "pictures without classes",
    remedy: "Put the pictures of each class into a folder of its own, or choose a method that needs no labels (mae).",
  });
}

function withoutCaptions(name: string, path: string): ConfigError {
  return new ConfigError({
    problem: `${name} learns from captions, and these pictures have none.`,
    code: "no-captions",
    path,
    expected: "a table with captions (.csv, .tsv, .jsonl), or a folder for each class",
    actual: "pictures without captions and without classes",
    remedy:
      "Write a table with the columns path and caption, or tar archives with a .txt beside each picture, or choose a method that needs no texts (mae).",
  });
}

/** @throws ConfigError where held-out pictures have other classes than those that are learned from, or none */
export function checkSameClasses(classes: Source["classes"], heldOut: Source): void {
  const isLabelled = heldOut.labels?.every((label) => label >= 0) ?? false;
  if (isLabelled && classes?.join("\n") === heldOut.classes?.join("\n")) return;
  const unlabelled = heldOut.classes === undefined ? "none" : "some pictures without a class";
  const actual = isLabelled ? (heldOut.classes ?? []).join(", ") : unlabelled;
  throw new ConfigError({
    problem: `the held-out pictures have other classes than those that are learned from: ${actual}.`,
    code: "other-classes",
    path: "data.heldOut",
    expected: classes,
    actual,
    remedy: "Give both sides the same class folders.",
  });
}
