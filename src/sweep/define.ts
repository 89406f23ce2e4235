/** A sweep as it is written: a base configuration, what is varied, how each point is judged, and what a paper found. */
import { z } from "zod";
import { type SourceInput, sourceSchema } from "../data/source.js";
import type { FinetuneConfigInput } from "../finetune/config.js";
import type { RunConfigInput } from "../train/config.js";

const positive = z.int().positive();
const plain = z
  .string()
  .regex(/^[A-Za-z0-9][\w.+-]{0,59}$/, "expected a name of letters, digits, dots and dashes: it names a folder");

const evaluateSchema = z.strictObject({
  train: sourceSchema.describe("labelled pictures to learn from"),
  test: sourceSchema.describe("labelled pictures to judge by"),
  limit: positive.default(10_000).describe("labelled pictures of each side at most"),
  knn: z
    .union([z.literal(false), z.strictObject({ k: positive.default(20).describe("neighbours that vote") })])
    .prefault({}),
  linear: z.boolean().default(true).describe("an exact linear classifier on the frozen features"),
  finetune: z
    .record(z.string(), z.unknown())
    .optional()
    .describe("each point's encoder fine-tuned: what differs from the published recipe of its size"),
  baselines: z.boolean().default(true).describe("the same of raw pixels and of the encoder before training"),
});

const seriesSchema = z.strictObject({
  label: z.string().min(1).describe("linear probe, top-1"),
  values: z.array(z.tuple([z.union([z.number(), z.string(), z.boolean()]), z.number()])).min(1),
  note: z.string().optional().describe("how certain the numbers are"),
});

const referenceSchema = z.strictObject({
  source: z.string().min(1).describe("paper, figure or table"),
  setting: z.string().min(1).describe("model, data and length of training behind the numbers"),
  axis: z.string().optional().describe("the key that its values stand at; the first axis if absent"),
  measures: z
    .strictObject({ knn: seriesSchema, linear: seriesSchema, finetune: seriesSchema })
    .partial()
    .describe("in per cent"),
});

/** Schema of a sweep: the base configuration, what is varied, how each point is judged, and a paper's curve to compare with. */
export const sweepSchema = z
  .strictObject({
    title: z.string().min(1),
    base: z.record(z.string(), z.unknown()).describe("a configuration, or a recipe that is imported"),
    axes: z
      .record(z.string(), z.array(z.unknown()).min(1))
      .default({})
      .describe("the values of each key that is varied; every combination is a point"),
    points: z
      .record(plain, z.record(z.string(), z.unknown()))
      .optional()
      .describe("named configurations, each with what it sets; with axes, each at every combination"),
    evaluate: evaluateSchema,
    order: z
      .enum(["knn", "linear", "finetune"])
      .optional()
      .describe("the table's rows by this measure, the best first; in the order of the file if absent"),
    watched: z
      .array(z.string().min(1))
      .default([])
      .describe("what a step logs beside its loss, drawn for all points in one picture: entropy"),
    reference: referenceSchema.optional(),
  })
  .describe("a sweep");

/** A sweep with every default filled in; `SweepInput` is how it may be written. */
export type Sweep = z.output<typeof sweepSchema>;
/** How each point of a sweep is judged: labelled pictures, k-NN, linear probe, fine-tuning. */
export type Evaluate = Sweep["evaluate"];
/** What a paper found on the same axis, in per cent. */
export type Reference = NonNullable<Sweep["reference"]>;
/** What a point is judged by. */
export type MeasureName = keyof Reference["measures"];

type Leaf = string | number | boolean | null | undefined | readonly unknown[];

/** Every key of a configuration, dotted: `method.maskRatio`. */
export type ConfigPath<T = RunConfigInput> = T extends Leaf
  ? never
  : { [K in keyof T & string]-?: K | `${K}.${ConfigPath<NonNullable<T[K]>>}` }[keyof T & string];

/** What may stand at a key. */
export type ConfigValue<P extends string, T = RunConfigInput> = T extends Leaf
  ? never
  : P extends `${infer K}.${infer Rest}`
    ? K extends keyof T
      ? ConfigValue<Rest, NonNullable<T[K]>>
      : never
    : P extends keyof T
      ? T[P]
      : never;

type Settings = { readonly [P in ConfigPath]?: ConfigValue<P> };
type Axes = { readonly [P in ConfigPath]?: readonly ConfigValue<P>[] };

/** What differs from the published recipe; pictures are those of `train` and `test` unless said. */
type Finetuning = Omit<Partial<FinetuneConfigInput>, "from" | "data"> & {
  readonly data?: Partial<NonNullable<FinetuneConfigInput["data"]>>;
};

/** A sweep as a file exports it. */
export interface SweepInput {
  readonly title: string;
  readonly base: RunConfigInput;
  readonly axes?: Axes;
  readonly points?: Readonly<Record<string, Settings>>;
  readonly evaluate: Omit<z.input<typeof evaluateSchema>, "train" | "test" | "finetune"> & {
    readonly train: SourceInput;
    readonly test: SourceInput;
    readonly finetune?: Finetuning;
  };
  /** The table's rows by this measure, the best first; in the order of the file if absent. */
  readonly order?: MeasureName;
  /** What a step logs beside its loss, drawn for all points in one picture: entropy. */
  readonly watched?: readonly string[];
  readonly reference?: z.input<typeof referenceSchema>;
}

/** For sweep files: checks keys and values where they are written. */
export function defineSweep(sweep: SweepInput): SweepInput {
  return sweep;
}
