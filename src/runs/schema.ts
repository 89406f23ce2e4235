/** The two files that every run folder has: run.json, what was asked for and where, and events.jsonl, what happened. */
import { z } from "zod";
import { RunError } from "./errors.js";

/** Raised when a reader of today would misread what a writer of tomorrow writes. */
export const formatVersion = 1;

export const runFileName = "run.json";
export const eventsFileName = "events.jsonl";

const count = z.int().min(0);
const seconds = z.number().min(0);
/**
 * JSON has no NaN and no infinity, and a loss has: they are written as strings. (A list of literals and not z.enum, whose type
 * tsc writes into .d.ts files with a key that no compiler takes: `[-Infinity]`.)
 */
const measured = z.union([
  z.number(),
  z.nan(),
  z.literal([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]),
  z.literal(["NaN", "Infinity", "-Infinity"]).transform(Number),
]);

/** A share of pictures, and the name of one of them. */
const shareSchema = z.strictObject({ share: z.number(), example: z.string() });

/** So that two classifiers that judged the same pictures can be compared in pairs: `runs/frozen.ts` writes and reads it. */
const rightSchema = z
  .base64()
  .describe("which of the judged pictures are right, in their order: a bit each, the lowest first");

const signalSchema = z.object({
  name: z.string(),
  what: z.string(),
  below: z.number().optional(),
  above: z.number().optional(),
  finding: z.string(),
  causes: z.array(z.string()).readonly(),
});

/** What a method says of its own runs: the plain values of `methods/health.ts`, which explains them. */
export const healthSchema = z.object({
  loss: z.enum(["falls", "moves"]),
  trivial: z.number().optional(),
  trivialAnswer: z.string().optional(),
  signals: z.array(signalSchema).readonly(),
});
export type RunHealth = z.output<typeof healthSchema>;

export const runStatuses = ["running", "finished", "interrupted", "failed"] as const;

export const runSchema = z.strictObject({
  formatVersion: z.literal(formatVersion),
  id: z.string().min(1),
  createdAt: z.iso.datetime(),
  command: z.string().describe("as it was typed"),
  config: z.record(z.string(), z.unknown()).describe("every option as it was used; its schema is the trainer's"),
  derived: z
    .record(z.string(), z.number())
    .describe(
      "numbers that follow from config and data: steps, warmupSteps, effectiveBatch, learningRate, baseline, …",
    ),
  versions: z.strictObject({ lacuna: z.string(), node: z.string(), libtorch: z.string() }),
  commit: z.string().nullable(),
  machine: z.strictObject({
    cpu: z.string(),
    cores: z.int().min(1),
    threads: z.int().min(1),
    memoryBytes: count,
    device: z.string(),
    precision: z.string(),
  }),
  data: z.strictObject({
    fingerprint: z.string(),
    size: count,
    files: z.string().optional().describe("a file beside run.json with the list of pictures, one a line"),
  }),
  health: healthSchema
    .optional()
    .describe("by what one sees that such a run is well, as its method says; absent in runs of older versions"),
  status: z.enum(runStatuses).describe("as last written: a killed run still says running"),
});

/** What run.json holds. */
export type RunFile = z.output<typeof runSchema>;
export type RunStatus = (typeof runStatuses)[number];

/** `step` is always the number of optimiser steps completed. */
export const eventSchema = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("start"),
    time: z.iso.datetime(),
    step: count,
    resumedFrom: count.optional().describe("followers drop what they have of later steps"),
    pid: z.int().min(1),
  }),
  z.strictObject({
    type: z.literal("step"),
    step: count,
    epoch: z.number().min(0),
    loss: measured,
    learningRate: z.number(),
    gradNorm: measured.nullable(),
    samples: count.describe("pictures seen since the run began"),
    seconds: seconds.describe("from the end of the step before, waiting included"),
    waitSeconds: seconds.describe("of these, spent waiting for data"),
    parts: z.record(z.string(), measured).optional(),
  }),
  z
    .strictObject({
      type: z.literal("input"),
      step: count,
      pictures: count.describe("that were looked at"),
      mean: z.array(z.number()).describe("of each channel, as the model gets it"),
      std: z.array(z.number()),
      flatPictures: z.number().describe("share of pictures of one colour"),
      flatPatches: z.number().describe("share of patches of one colour"),
      seam: z.number().nullable().describe("steps between pixels across borders of patches over those inside them"),
      same: shareSchema.optional().describe("of the source's pictures, without augmentation: those that show the same"),
      wrapped: shareSchema.optional().describe("those whose bytes wrapped round"),
    })
    .describe("the first batch of a process"),
  z
    .strictObject({ type: z.literal("update"), step: count, ratios: z.record(z.string(), measured) })
    .describe("‖change‖ / ‖weights‖ of this step, by part of the model"),
  z.strictObject({
    type: z.literal("heldOut"),
    step: count,
    epoch: z.number().min(0),
    loss: measured,
    pictures: count.optional().describe("that were looked at"),
    scores: z.record(z.string(), measured).optional().describe("from 0 to 1: top1, top5, meanPerClass"),
    right: rightSchema.optional(),
    neverRight: z
      .strictObject({ classes: count, of: count })
      .optional()
      .describe("classes of which no picture is right, of those that are judged"),
    parts: z.record(z.string(), measured).optional().describe("what the loss is made of"),
  }),
  z.strictObject({ type: z.literal("preview"), step: count, path: z.string(), note: z.string() }),
  z.strictObject({ type: z.literal("checkpoint"), step: count, path: z.string(), bytes: count, seconds }),
  z.strictObject({
    type: z.literal("badFile"),
    step: count,
    sample: count,
    path: z.string(),
    code: z.string(),
    reason: z.string(),
  }),
  z.strictObject({
    type: z.literal("probe"),
    step: count,
    name: z.string(),
    value: measured,
    pictures: count.optional().describe("of an accuracy: that were judged"),
    meanPerClass: z.number().optional().describe("of an accuracy: its mean over the classes"),
    right: rightSchema.optional(),
  }),
  z.strictObject({ type: z.literal("warning"), step: count, code: z.string(), message: z.string() }),
  z.strictObject({
    type: z.literal("end"),
    step: count,
    reason: z.enum(["finished", "interrupted", "failed"]),
    message: z.string().optional(),
    seconds,
  }),
]);

/** One line of events.jsonl. */
export type RunEvent = z.output<typeof eventSchema>;
/** What a run logs of a training step. */
export type StepEvent = Extract<RunEvent, { type: "step" }>;

/**
 * Reads the text of a run.json.
 * @throws RunError "bad-run-file"; "newer-format" where a later version of this program wrote it
 */
export function parseRun(text: string, path: string): RunFile {
  const value = parseJson(text);
  const version = typeof value === "object" && value !== null && "formatVersion" in value ? value.formatVersion : null;
  if (typeof version === "number" && version > formatVersion) {
    throw new RunError({
      code: "newer-format",
      path,
      expected: `formatVersion ${formatVersion}`,
      actual: `${version}`,
      remedy: "A newer lacuna wrote this run; read it with that version.",
    });
  }
  const result = runSchema.safeParse(value);
  if (result.success) return result.data;
  const actual = value === undefined ? "text that is not JSON" : complaint(result.error);
  throw new RunError({ code: "bad-run-file", path, expected: "the description of a run", actual });
}

/** The text of a run.json. */
export function formatRun(run: RunFile): string {
  return `${JSON.stringify(run, null, 2)}\n`;
}

/** Reads one line of events.jsonl. Undefined for a line that is damaged. */
export function parseEvent(line: string): RunEvent | undefined {
  const result = eventSchema.safeParse(parseJson(line));
  return result.success ? result.data : undefined;
}

/** One line of events.jsonl with its end. @throws RunError "bad-event" for what would not be read again */
export function formatEvent(event: RunEvent, path: string): string {
  const result = eventSchema.safeParse(event);
  if (!result.success) {
    throw new RunError({ code: "bad-event", path, expected: "an event", actual: complaint(result.error) });
  }
  const spelled = (_: string, value: unknown): unknown =>
    typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
  return `${JSON.stringify(event, spelled)}\n`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function complaint(error: z.ZodError): string {
  const [first] = error.issues;
  return first === undefined ? "something else" : `"${first.message}" at ${first.path.join(".") || "the top"}`;
}
