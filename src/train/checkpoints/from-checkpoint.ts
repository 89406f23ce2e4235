/** Models that come from a file: of a run of ours or of anybody who writes a layout that is read. */
import { createHash } from "node:crypto";
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { CheckpointError } from "../../engine/errors.js";
import { methods } from "../../methods/index.js";
import { checkShapes } from "../../models/published/check.js";
import type { Layout, ReadHints } from "../../models/published/layout.js";
import { modelLayouts, openPublished, type Published } from "../../models/published/open.js";
import { usualNormalization } from "../../models/published/told.js";
import type { Size } from "../../nn/patches.js";
import { Checkpoint, checkpointFolder, lastCheckpoint } from "../checkpoint.js";
import { isOwn, type OwnModel, ownModel } from "./own.js";
import { sketchMethod } from "./sketch.js";

/** What the person who asks says of a file of somebody else. */
export interface ForeignHints extends ReadHints {
  /** Of each channel, of pixels from 0 to 1. */
  readonly mean?: readonly number[] | undefined;
  readonly std?: readonly number[] | undefined;
}

/**
 * Opens the model in a run folder (its newest good checkpoint), a checkpoint of a run, or a file or folder of another
 * layout. Each file is opened once; checksums of our own checkpoints are verified.
 * @param hints on somebody else's file; refused for one of ours
 * @throws CheckpointError, FormatError
 */
export function openModelFile(path: string, hints: ForeignHints = {}): Published | OwnModel {
  const isOurRun = isRun(path);
  if (!isOurRun && !isOwn(path)) return openForeign(path, hints);
  const [said] = Object.entries(hints).find(([, value]) => value !== undefined) ?? [];
  if (said !== undefined) throw saysItself(path, said);
  return ownModel(isOurRun ? newestCheckpoint(path) : Checkpoint.open(path));
}

/** What somebody else's file may leave open stands in a checkpoint of ours: another value would be no longer the same model. */
function saysItself(path: string, hint: string): CheckpointError {
  return new CheckpointError({
    problem: `it is a checkpoint of lacuna, which says its own ${hint}.`,
    code: "hint",
    path,
    expected: "a file of somebody else, for what it leaves open",
    actual: hint,
    remedy: "Leave it out.",
  });
}

/**
 * What somebody else's file leaves open and is assumed, in words, each with the flag that says otherwise; of a run or checkpoint of ours
 * nothing. @throws CheckpointError, FormatError
 */
export function assumedOf(path: string, hints: ForeignHints = {}): readonly string[] {
  if (isRun(path) || isOwn(path)) return [];
  using published = openForeign(path, hints);
  return published.assumed;
}

/** The layouts of all methods and models of the lists, methods first: their files hold a model's too. */
export function knownLayouts(): Layout[] {
  return [...methodLayouts(), ...modelLayouts()];
}

function methodLayouts(): Layout[] {
  return methods.entries().flatMap(({ layouts }) => layouts);
}

function openForeign(path: string, { mean, std, ...hints }: ForeignHints): Published {
  const published = openPublished(path, hints, methodLayouts());
  try {
    checkMethod(published);
  } catch (error) {
    published[Symbol.dispose]();
    throw error;
  }
  if (mean === undefined && std === undefined) return published;
  const told = published.normalization ?? usualNormalization;
  return {
    ...published,
    normalization: { mean: mean ?? told.mean, std: std ?? told.std },
    assumed: published.assumed.filter((line) => !line.includes("--mean")),
  };
}

/** @throws CheckpointError where parts of the method are missing or of other sides than the rest says */
function checkMethod({ method, model, image, rest, path }: Published): void {
  if (method === undefined) return;
  using sketched = sketchMethod(method, model, image);
  const wanted = [...sketched.shapes].filter(([name]) => sketched.names.get(name) === undefined);
  checkShapes(rest, new Map(wanted), path);
}

/** @throws CheckpointError for a run that has none that can be read */
function newestCheckpoint(path: string): Checkpoint {
  const { checkpoint, damaged } = lastCheckpoint(path);
  if (checkpoint !== undefined) return checkpoint;
  const [worst] = damaged;
  const sentence =
    worst === undefined ? "there is no checkpoint in it." : `no checkpoint in it can be read (${worst.error.message})`;
  throw new CheckpointError({
    problem: sentence,
    code: "no-checkpoint",
    path,
    expected: `a file in ${checkpointFolder(path)}`,
    actual: damaged.length,
    remedy:
      worst === undefined
        ? "A run writes its first one after five minutes, when it is stopped, or at its end."
        : undefined,
  });
}

/** Folders that hold something else than weights of transformers are taken for runs. */
function isRun(path: string): boolean {
  const has = (name: string): boolean => statSync(`${path}/${name}`, { throwIfNoEntry: false }) !== undefined;
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  return isFolder && !["model.safetensors", "model.safetensors.index.json", "pytorch_model.bin"].some(has);
}

/** SHA-256 in hex over the files that hold a model's weights: which weights a run began with. */
export function weightsHash({ files }: Pick<Published, "files">): string {
  const [hash, buffer] = [createHash("sha256"), Buffer.alloc(2 ** 22)];
  for (const file of files) {
    const descriptor = openSync(file, "r");
    try {
      for (let got = readSync(descriptor, buffer); got > 0; got = readSync(descriptor, buffer))
        hash.update(buffer.subarray(0, got));
    } finally {
      closeSync(descriptor);
    }
  }
  return hash.digest("hex");
}

/** The part of a run's configuration that follows from a model in a file; the method's where the file has its parts. */
export function configFrom({ model, method, image, normalization }: Published) {
  const { channels } = image;
  const plain = (value: number): number[] => Array.from({ length: channels }, () => value);
  const usual = channels === 3 ? {} : { mean: plain(0.5), std: plain(0.25) };
  return {
    model,
    ...(method && { method }),
    data: {
      imageSize: whole(image.imageSize),
      channels,
      ...usual,
      ...(normalization && { mean: [...normalization.mean], std: [...normalization.std] }),
    },
  };
}

/** A whole configuration for such a model: of a run whose pictures nobody knows, or of an encoder alone. */
export function wholeConfigFrom(published: Published): Readonly<Record<string, unknown>> {
  const { model, method, data } = configFrom(published);
  const { pool, classifier, classes } = published;
  const known = { model, data: { ...data, source: { kind: "unknown" } } };
  if (method !== undefined) return { ...known, method };
  const pooled = pool ?? classifier?.pool;
  return { task: "encoder", ...known, ...(pooled && { pool: pooled }), ...(classes && { classes }) };
}

function whole([height, width]: Size): number | [number, number] {
  return height === width ? height : [height, width];
}
