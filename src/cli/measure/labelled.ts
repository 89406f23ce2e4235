/** Pictures with classes for evaluation: what is learned from, and what is judged. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Source, SourceInput, Splits } from "../../index.js";
import { parseSource } from "../config/sources.js";
import { UsageError } from "../errors.js";
import type { Report } from "../report.js";
import { whole } from "../words.js";

export interface LabelledPair {
  readonly train: Source;
  readonly test: Source;
  /** How the two were told apart. */
  readonly split: string;
}

export interface LabelledOptions {
  readonly data?: string;
  readonly train?: string;
  readonly test?: string;
  /** Pictures of each side at most. */
  readonly limit: number;
}

/**
 * Opens both sides. `data` is a published set, a folder with the parts of a set in it (`train` and `test`, in any usual
 * spelling), or a folder with one folder for each class, of which a fifth is then kept for judging.
 * @throws UsageError where there are no classes, or other ones on both sides
 */
export async function openLabelled(options: LabelledOptions): Promise<LabelledPair> {
  const { train, test, split } = await labelledSpecs(options);
  return { ...(await openPair(train, test, options.limit)), split };
}

/** Opens both sides of what is described. @param limit pictures of each side at most */
export async function openPair(
  train: SourceInput,
  test: SourceInput,
  limit: number,
): Promise<Pick<LabelledPair, "train" | "test">> {
  const { openSource } = await import("../../index.js");
  const limited = (spec: SourceInput): SourceInput =>
    "split" in spec ? { ...spec, limit: Math.min(spec.limit ?? limit, limit) } : spec;
  const open = async (spec: SourceInput): Promise<Source> => subset(await openSource(limited(spec)), limit);
  const pair = { train: await open(train), test: await open(test) };
  checkClasses(pair);
  return pair;
}

export interface LabelledSpecs {
  readonly train: SourceInput;
  readonly test: SourceInput;
  /** Of a set in three parts: what a run watches while it trains, so that `test` has had no say in any choice. */
  readonly validation?: SourceInput;
  /** How they were told apart. */
  readonly split: string;
}

/** Both sides as descriptions. @throws UsageError where neither or both ways of naming them were used */
export async function labelledSpecs({ data, train, test }: Omit<LabelledOptions, "limit">): Promise<LabelledSpecs> {
  if (train !== undefined && test !== undefined)
    return { train: parseSource(train, "train"), test: parseSource(test, "test"), split: `${train} and ${test}` };
  if (data === undefined || train !== undefined || test !== undefined) {
    throw new UsageError({
      code: "evaluation-data",
      path: "the command line",
      expected: "--data, or both --train and --test",
      actual: data === undefined ? "neither" : "a mixture",
      remedy: "For example: --data cifar10, or --data photos with a folder for each class.",
    });
  }
  const { findSplits } = await import("../../index.js");
  const parts = findSplits(data);
  if (parts !== undefined) return partsOf(data, parts);
  const spec = parseSource(data, "train");
  if ("split" in spec)
    return { train: spec, test: parseSource(data.split(":")[0] as string, "test"), split: "as published" };
  const part = (name: "train" | "heldOut"): SourceInput =>
    "path" in spec ? { ...spec, part: name, holdOut: 0.2 } : spec;
  return { train: part("train"), test: part("heldOut"), split: "a fifth, chosen by name, is judged" };
}

function partsOf(data: string, { train, validation, test, others }: Splits): LabelledSpecs {
  const inside = (name: string): SourceInput => parseSource(join(data, name));
  const judging = test ?? (validation as string); // there is one at least
  const watched = test === undefined ? undefined : validation;
  const left = [...(watched === undefined ? [] : [watched]), ...others];
  const unused = left.length === 0 ? "" : `; not used: ${left.join(", ")}`;
  return {
    train: inside(train),
    test: inside(judging),
    ...(watched === undefined ? {} : { validation: inside(watched) }),
    split: `${join(data, train)} and ${join(data, judging)}${unused}`,
  };
}

const namedClasses = 6;

/** `14 classes: apple, bread, cake, dairy, egg, fish, …` */
export function classesText(classes: readonly string[]): string {
  const more = classes.length > namedClasses ? ", …" : "";
  return `${classes.length} classes: ${classes.slice(0, namedClasses).join(", ")}${more}`;
}

function checkClasses({ train, test }: Pick<LabelledPair, "train" | "test">): void {
  for (const source of [train, test]) {
    if (source.classes !== undefined) continue;
    throw new UsageError({
      code: "no-classes",
      path: nameOf(source),
      expected: "pictures with classes",
      actual: "none",
      remedy: "Put the pictures of each class into a folder of its own, or use a list with labels.",
    });
  }
  const differences = classDifferences(train.classes ?? [], test.classes ?? []);
  if (differences === undefined) return;
  throw new UsageError({
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

function nameOf({ spec }: Source): string {
  return "path" in spec && spec.path !== undefined ? spec.path : spec.kind;
}

/** At most `limit` pictures of a source of files, chosen by their names, so that all classes keep their share. */
export function subset(source: Source, limit: number): Source {
  const { content, labels } = source;
  if (content.kind !== "files" || source.size <= limit) return source;
  const keyed = content.paths.map((path, i) => ({ i, key: createHash("sha256").update(path).digest("hex") }));
  const chosen = keyed
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .slice(0, limit)
    .map(({ i }) => i)
    .sort((a, b) => a - b);
  return {
    ...source,
    size: limit,
    labels: labels && Int32Array.from(chosen, (i) => labels[i] as number),
    name: (index) => source.name(chosen[index] as number),
    content: { ...content, paths: chosen.map((i) => content.paths[i] as string) },
  };
}

/** Says what is learned from and judged: how many pictures, which classes, and what makes their accuracy say less. */
export async function tellSides(
  report: Report,
  { train, test, split }: LabelledPair,
  trained: SourceInput,
): Promise<void> {
  report.line(`${whole(train.size)} labelled pictures to learn from, ${whole(test.size)} to judge (${split})`);
  report.line(classesText(train.classes ?? []));
  const { sharesText } = await import("../../index.js");
  const shares = sharesText(train.classes ?? [], train.labels ?? [], test.labels ?? []);
  const seen = await trainedOnText(trained, test);
  for (const line of [shares, seen]) if (line !== undefined) report.line(line);
}

/** A line where judged pictures were in pre-training, as far as the run's own pictures can still be listed. */
async function trainedOnText(trained: SourceInput, judged: Source): Promise<string | undefined> {
  const { openSource, sharedPictures } = await import("../../index.js");
  const shared = await sharedPictures(judged, trained, openSource);
  if (shared === 0) return undefined;
  const which = shared === judged.size ? "All judged pictures" : `${shared} of the ${judged.size} judged pictures`;
  return `${which} were in pre-training (without their labels): others may be told less well.`;
}
