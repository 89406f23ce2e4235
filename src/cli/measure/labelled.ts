/** Labelled pictures as they are named on the command line, and what is said of them. */
import { basename, join } from "node:path";
import type { Source, SourceInput } from "../../index.js";
import type { TrainTest } from "../../public/data.js";
import { parseSource } from "../config/sources.js";
import { UsageError } from "../errors.js";
import type { Report } from "../report.js";
import { whole } from "../words.js";

export interface LabelledOptions {
  readonly data?: string;
  readonly train?: string;
  readonly test?: string;
  /** Pictures of each side at most. */
  readonly limit: number;
}

export interface LabelledSpecs {
  readonly train: SourceInput;
  readonly test: SourceInput;
  /** Of a set in three parts: what a run watches while it trains. */
  readonly validation?: SourceInput;
  /** How they were told apart. */
  readonly split: string;
}

/** Both sides, and how they were told apart. */
export type LabelledPair = TrainTest & Pick<LabelledSpecs, "split">;

/** Opens both sides. @throws UsageError, DataError */
export async function openLabelled(options: LabelledOptions): Promise<LabelledPair> {
  const { openTrainTest } = await import("../../public/data.js");
  const { split, ...specs } = await labelledSpecs(options);
  return { ...(await openTrainTest(specs, options.limit)), split };
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
  const { trainTestOf } = await import("../../public/data.js");
  const { by, unused, ...specs } = trainTestOf(parseSource(data, "train"));
  if (by === "published") return { ...specs, split: "as published" };
  if (by === "names") return { ...specs, split: "a fifth of each class, chosen by name, is judged" };
  const typed = (spec: SourceInput): string => join(data, "path" in spec ? basename(spec.path ?? "") : "");
  const left = unused.length === 0 ? "" : `; not used: ${unused.join(", ")}`;
  return { ...specs, split: `${typed(specs.train)} and ${typed(specs.test)}${left}` };
}

/** Says what is learned from and judged: how many pictures, which classes, and what makes their accuracy say less. */
export async function tellSides(
  report: Report,
  { train, test, split }: LabelledPair,
  trained: SourceInput,
): Promise<void> {
  const { sharesText, classesText } = await import("../../public/data.js");
  report.line(`${whole(train.size)} labelled pictures to learn from, ${whole(test.size)} to judge (${split})`);
  report.line(classesText(train.classes ?? []));
  const shares = sharesText(train.classes ?? [], train.labels ?? [], test.labels ?? []);
  const seen = await trainedOnText(trained, test);
  for (const line of [shares, seen]) if (line !== undefined) report.line(line);
}

/** A line where judged pictures were in pre-training, as far as the run's own pictures can still be listed. */
async function trainedOnText(trained: SourceInput, judged: Source): Promise<string | undefined> {
  const { sharedPictures } = await import("../../public/data.js");
  const shared = await sharedPictures(judged, trained);
  if (shared === 0) return undefined;
  const which = shared === judged.size ? "All judged pictures" : `${shared} of the ${judged.size} judged pictures`;
  return `${which} were in pre-training (without their labels): others may be told less well.`;
}
