/** The doctor's report: plain data that can be written down, read back and shown. */
import { z } from "zod";

const whole = z.int().min(0);

/** How much a finding matters: "bad" stops a run or spoils it, "warning" wants a look, "note" is good to know. */
export const severitySchema = z.enum(["bad", "warning", "note"]);

export const findingSchema = z.strictObject({
  id: z.string(),
  severity: severitySchema,
  /** One line. */
  title: z.string(),
  count: whole,
  meaning: z.string(),
  remedy: z.string(),
  /** All files concerned, relative to the source, each with what is particular about it. */
  files: z.array(z.strictObject({ path: z.string(), detail: z.string().optional() })),
  /** For duplicates: the files that belong together. */
  groups: z.array(z.array(z.string())).optional(),
});

const spreadSchema = z.strictObject({ least: z.number(), median: z.number(), most: z.number() });

/** Schema of what `lacuna doctor --json` prints: the verdict, how many pictures can be used, findings, statistics. */
export const doctorReportSchema = z.strictObject({
  formatVersion: z.literal(1),
  /** Absolute path of the folder or list. */
  source: z.string(),
  status: z.enum(["good", "warnings", "bad"]),
  /** The verdict in one sentence. */
  summary: z.string(),
  /** Pictures by their names, and how many of them can be used. */
  pictures: whole,
  usable: whole,
  otherFiles: whole,
  findings: z.array(findingSchema),
  statistics: z
    .strictObject({
      width: spreadSchema,
      height: spreadSchema,
      shorterSide: spreadSchema,
      /** width / height */
      aspect: spreadSchema,
      fileBytes: spreadSchema,
      totalBytes: whole,
      /** Number of pictures of each format. */
      formats: z.record(z.string(), whole),
      /** Of each channel, over all pictures, each with the same weight, 0 … 1: what to normalise with. */
      mean: z.array(z.number()),
      deviation: z.array(z.number()),
    })
    .optional(),
  /** Pictures that can be used of each class. */
  classes: z.array(z.strictObject({ name: z.string(), usable: whole })).optional(),
  seconds: z.number(),
});

export type Severity = z.output<typeof severitySchema>;
export type Finding = z.output<typeof findingSchema>;
/** What the doctor says of a folder or a list of pictures. */
export type DoctorReport = z.output<typeof doctorReportSchema>;
