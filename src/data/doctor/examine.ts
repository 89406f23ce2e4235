/** The examination of a folder or list of pictures before training. */
import { closeSync, openSync, readSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { isDecoded, sniffFormat } from "../decode/format.js";
import { DEFAULT_MAX_PIXELS, DEFAULT_TIMEOUT_MS } from "../decode.js";
import { DataError } from "../errors.js";
import { openSource, type Source, type SourceInput } from "../source.js";
import { findFiles } from "../sources/files.js";
import { pathOnDisk } from "../sources/names.js";
import { inPart } from "../sources/split/part.js";
import { Collection } from "./collection.js";
import {
  badFindings,
  captionFindings,
  classFindings,
  duplicateFindings,
  oddFindings,
  otherFindings,
  unreachableFindings,
} from "./findings.js";
import { inspectFiles } from "./inspectors.js";
import type { DoctorReport, Finding } from "./report.js";
import { channelsToExamine } from "./survey.js";

export interface ExamineOptions {
  readonly maxPixels?: number;
  /** Milliseconds for one file. */
  readonly timeoutMs?: number;
  /** Files decoded at a time, each in a process of its own; default: the number of cores. */
  readonly processes?: number;
  /** As `data.channels`. Default: those of most arrays in a folder of arrays, 3 for pictures. */
  readonly channels?: number;
  /** Share of bad pictures above which a run would stop. */
  readonly maxBadShare?: number;
  readonly onProgress?: (progress: ExamineProgress) => void;
  readonly signal?: AbortSignal;
}

export interface ExamineProgress {
  readonly done: number;
  readonly total: number;
  readonly bad: number;
}

const DEFAULT_MAX_BAD_SHARE = 0.1;
/** Fewer pictures than this are a trial, not a training set. */
const FEW_PICTURES = 100;

/**
 * Examines every picture of a folder or list, both sides of its split. Each is decoded in a child process; what kills or
 * hangs one is named, and the rest goes on. Memory stays bounded: one decoded picture per process, some hundred bytes a file.
 * @throws DataError when the source as a whole cannot be opened; the signal's reason when it is aborted
 */
export async function examine(input: SourceInput, options: ExamineOptions = {}): Promise<DoctorReport> {
  const started = performance.now();
  const { source, paths } = await openWhole(input);
  const collection = new Collection();
  let done = 0;
  const inspectOptions = {
    maxPixels: options.maxPixels ?? DEFAULT_MAX_PIXELS,
    timeoutMs: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    processes: options.processes ?? availableParallelism(),
    signal: options.signal,
    channels: options.channels ?? channelsToExamine(source.content),
  };
  await inspectFiles(
    paths.map((path) => join(source.content.root, path)),
    inspectOptions,
    (index, inspection) => {
      collection.add(index, paths[index] as string, inspection);
      done++;
      options.onProgress?.({ done, total: paths.length, bad: done - collection.usable.length });
    },
  );
  const { others, unreachable } = source.spec.kind === "folder" ? await findFiles(source.content.root) : noOthers;
  const findings = [...gather(source, collection, others, input), ...unreachableFindings(unreachable)];
  const maxBadShare = options.maxBadShare ?? DEFAULT_MAX_BAD_SHARE;
  findings.unshift(...overallFindings(source.size, collection.usable.length, maxBadShare));
  const { classes } = countClasses(source, collection);
  return {
    formatVersion: 1,
    source: source.spec.kind === "folder" ? source.content.root : resolve(source.spec.path),
    ...verdict(findings, collection.usable.length),
    pictures: source.size,
    usable: collection.usable.length,
    otherFiles: others.length,
    findings: findings.sort((a, b) => RANK[a.severity] - RANK[b.severity]),
    statistics: collection.statistics(),
    ...(classes === undefined ? {} : { classes }),
    seconds: (performance.now() - started) / 1000,
  };
}

const noOthers = { others: [], unreachable: [] };

const RANK = { bad: 0, warning: 1, note: 2 } as const;

type WholeSource = Source & {
  readonly spec: Extract<Source["spec"], { path: string; part: string }>;
  readonly content: Extract<Source["content"], { kind: "files" }>;
};

/** Opens the source with both sides of its split: copies may lie on either. */
async function openWhole(input: SourceInput): Promise<{ source: WholeSource; paths: readonly string[] }> {
  if (input.kind !== "folder" && input.kind !== "list" && input.kind !== "packed" && input.kind !== "tar") {
    throw new DataError({
      code: "no-files",
      path: input.kind,
      expected: "a folder, a list, a packed set or tar archives of pictures",
      actual: "a published set, whose contents are checked when it is opened",
      remedy: "There is nothing to examine.",
    });
  }
  const source = (await openSource({ ...input, part: "all" })) as WholeSource;
  return { source, paths: source.content.paths };
}

function gather(source: WholeSource, collection: Collection, others: readonly string[], input: SourceInput): Finding[] {
  const nameOf = (index: number) => source.name(index);
  const isSplit = source.spec.holdOut > 0 && "path" in input;
  const names = Array.from({ length: source.size }, (_, index) => nameOf(index));
  const held = inPart(names, { ...source.spec, part: "heldOut" }, (index) => source.labels?.[index]);
  const isHeldOut = (index: number) => held[index] === true;
  return [
    ...badFindings(collection, nameOf),
    ...duplicateFindings(collection, { nameOf, isHeldOut: isSplit ? isHeldOut : undefined }),
    ...oddFindings(collection, nameOf),
    ...classFindings(countClasses(source, collection).classes ?? []),
    ...captionFindings(source.captions ?? [], nameOf),
    ...otherFindings(others, picturesAmong(source.content.root, others)),
  ];
}

function countClasses(source: Source, collection: Collection) {
  if (source.classes === undefined) return { classes: undefined };
  const counts = new Int32Array(source.classes.length);
  for (const index of collection.usable) {
    const label = source.labels?.[index] ?? -1;
    if (label >= 0) (counts[label] as number)++;
  }
  return { classes: source.classes.map((name, i) => ({ name, usable: counts[i] as number })) };
}

/** Files that are not pictures by their name but by their first bytes. */
function picturesAmong(root: string, others: readonly string[]): { path: string; detail: string }[] {
  const head = Buffer.alloc(256);
  return others.flatMap((path) => {
    try {
      const file = openSync(pathOnDisk(join(root, path)), "r");
      const length = readSync(file, head, 0, head.length, 0);
      closeSync(file);
      const format = sniffFormat(head.subarray(0, length));
      return isDecoded(format) ? [{ path, detail: `is ${format.toUpperCase()}` }] : [];
    } catch {
      return []; // not readable: it is left out anyway
    }
  });
}

/** Findings about the source as a whole. */
function overallFindings(pictures: number, usable: number, maxBadShare: number): Finding[] {
  const share = (pictures - usable) / pictures;
  const percent = `${(100 * share).toFixed(1)} %`;
  if (share > maxBadShare) {
    return [
      {
        id: "many-bad",
        severity: "bad",
        title: `${percent} of the pictures cannot be used`,
        count: pictures - usable,
        meaning: `A run stops with an error above ${100 * maxBadShare} %: something is wrong with the set as a whole.`,
        remedy: "See below what is wrong with them; remove them, or allow a larger share.",
        files: [],
      },
    ];
  }
  if (usable >= FEW_PICTURES) return [];
  return [
    {
      id: "few-pictures",
      severity: "warning",
      title: `only ${usable} pictures`,
      count: usable,
      meaning: "Enough for a trial, not to learn from: self-supervised training wants thousands.",
      remedy: "Add pictures; they need no labels.",
      files: [],
    },
  ];
}

function verdict(findings: readonly Finding[], usable: number): Pick<DoctorReport, "status" | "summary"> {
  if (findings.some(({ severity }) => severity === "bad")) {
    const worst = findings.filter(({ severity }) => severity === "bad").map(({ title }) => title);
    return { status: "bad", summary: `Not ready for training: ${worst.join("; ")}.` };
  }
  const warnings = findings.filter(({ severity }) => severity === "warning").length;
  if (warnings > 0) {
    const what = warnings === 1 ? "1 thing wants" : `${warnings} things want`;
    return { status: "warnings", summary: `${usable} pictures can be trained on; ${what} a look.` };
  }
  return { status: "good", summary: `${usable} pictures, ready for training.` };
}
