/** Labelled pictures on two sides: those that are learned from, and those that judge. */
import { createHash } from "node:crypto";
import { join, resolve } from "node:path";
import { DataError } from "../errors.js";
import { openSource } from "../source.js";
import type { Source, SourceInput } from "./spec.js";
import { findSplits, type Splits } from "./split/folders.js";
import { subsetOf } from "./subset.js";

/** Both sides, opened, with the same classes. */
export interface TrainTest {
  readonly train: Source;
  readonly test: Source;
}

/** Both sides as descriptions. */
export interface TrainTestSpecs {
  readonly train: SourceInput;
  readonly test: SourceInput;
  /** Of a set in three parts: what a run watches while it trains, so that `test` has had no say in any choice. */
  readonly validation?: SourceInput;
  /** How they were told apart: as the set was published, by its folders, or a fifth of each class by the pictures' names. */
  readonly by: "published" | "folders" | "names";
  /** Of a set in folders: those that are on neither side. */
  readonly unused: readonly string[];
}

/** Share of each class of a set without parts of its own that judges. */
const judgingShare = 0.2;

/**
 * The two sides of one set: of a published one its training and its test part; of a folder with the parts of a set in it (`train`
 * and `test`, in any usual spelling) those; of any other a fifth of each class judges, chosen by the pictures' names.
 * @throws DataError "two-splits" where two folders claim the same part
 */
export function trainTestOf(data: SourceInput): TrainTestSpecs {
  const parts = data.kind === "folder" ? findSplits(data.path) : undefined;
  if (data.kind === "folder" && parts !== undefined) return ofFolders(data.path, parts);
  if ("split" in data) return { train: data, test: { kind: data.kind, split: "test" }, by: "published", unused: [] };
  const side = (part: "train" | "heldOut"): SourceInput =>
    "path" in data ? { ...data, part, holdOut: judgingShare, stratified: true } : data;
  return { train: side("train"), test: side("heldOut"), by: "names", unused: [] };
}

function ofFolders(path: string, { train, validation, test, others }: Splits): TrainTestSpecs {
  const inside = (name: string): SourceInput => ({ kind: "folder", path: join(path, name) });
  const judging = test ?? (validation as string); // there is one at least
  const watched = test === undefined ? undefined : validation;
  return {
    train: inside(train),
    test: inside(judging),
    ...(watched === undefined ? {} : { validation: inside(watched) }),
    by: "folders",
    unused: [...(watched === undefined ? [] : [watched]), ...others],
  };
}

/**
 * Opens both sides. @param limit pictures of each side at most: of a set of files some of every class, always the same ones
 * @throws DataError "no-classes", "other-classes"; what `openSource` throws
 */
export async function openTrainTest(
  { train, test }: { readonly train: SourceInput; readonly test: SourceInput },
  limit = Number.POSITIVE_INFINITY,
): Promise<TrainTest> {
  const limited = (spec: SourceInput): SourceInput =>
    "split" in spec && limit < (spec.limit ?? Infinity) ? { ...spec, limit } : spec;
  const open = async (spec: SourceInput): Promise<Source> => someByName(await openSource(limited(spec)), limit);
  const sides = { train: await open(train), test: await open(test) };
  checkClasses(sides);
  return sides;
}

/** At most `limit` pictures of a source of files, chosen by their names, so that all classes keep their share. */
export function someByName(source: Source, limit: number): Source {
  const { content } = source;
  if (content.kind !== "files" || source.size <= limit) return source;
  const keyed = content.paths.map((path, i) => ({ i, key: createHash("sha256").update(path).digest("hex") }));
  const chosen = keyed.sort((a, b) => (a.key < b.key ? -1 : 1)).slice(0, limit);
  const indices = chosen.map(({ i }) => i);
  return subsetOf(
    source,
    indices.sort((a, b) => a - b),
  );
}

const namedClasses = 6;

/** `14 classes: apple, bread, cake, dairy, egg, fish, …` */
export function classesText(classes: readonly string[]): string {
  const more = classes.length > namedClasses ? ", …" : "";
  return `${classes.length} classes: ${classes.slice(0, namedClasses).join(", ")}${more}`;
}

function checkClasses({ train, test }: TrainTest): void {
  for (const source of [train, test]) {
    if (source.classes !== undefined) continue;
    throw new DataError({
      code: "no-classes",
      path: nameOf(source),
      expected: "pictures with classes",
      actual: "none",
      remedy: "Put the pictures of each class into a folder of its own, or use a list with labels.",
    });
  }
  const differences = classDifferences(train.classes ?? [], test.classes ?? []);
  if (differences === undefined) return;
  throw new DataError({
    code: "other-classes",
    path: nameOf(test),
    expected: `the classes of ${nameOf(train)}: ${classesText(train.classes ?? [])}`,
    actual: differences,
    remedy: "Give both sides the same folders, or the same labels.",
  });
}

/** Which classes one side lacks, by name: `no cherry; beside them bread`; undefined where both have the same. */
export function classDifferences(expected: readonly string[], actual: readonly string[]): string | undefined {
  const named = (names: readonly string[]): string =>
    names.slice(0, namedClasses).join(", ") + (names.length > namedClasses ? `, … (${names.length})` : "");
  const lacking = expected.filter((name) => !actual.includes(name));
  const more = actual.filter((name) => !expected.includes(name));
  const parts = [
    ...(lacking.length > 0 ? [`no ${named(lacking)}`] : []),
    ...(more.length > 0 ? [`beside them ${named(more)}`] : []),
  ];
  return parts.length === 0 ? undefined : parts.join("; ");
}

/**
 * How many pictures of `judged` are in `trained` too: by their files, or, of a published set, all of them where both are the same
 * part of it. What cannot be opened any more shares nothing.
 * @param open opens a source of files; a published set is known without it
 */
export async function sharedPictures(
  judged: Source,
  trained: SourceInput,
  open: (spec: SourceInput) => Promise<Source> = openSource,
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

function nameOf({ spec }: Source): string {
  return "path" in spec && spec.path !== undefined ? spec.path : spec.kind;
}
