/** A packed data set as a source of pictures. */
import { createHash } from "node:crypto";
import { closeSync, existsSync, openSync, readFileSync, statSync } from "node:fs";
import { join, posix, resolve } from "node:path";
import { z } from "zod";
import { DataError } from "../../errors.js";
import { emptyPart } from "../folder.js";
import type { FileSource, PackedSpec } from "../spec.js";
import { inPart } from "../split/part.js";
import { readShard, type Shard, ShardError } from "./shard.js";

export const INDEX_FILE = "pack.json";
export const SETTINGS_FILE = "settings.json";
export const FORMAT_VERSION = 1;

/** `pixels`: resized, as they are. `jpeg`: resized, stored as JPEG. `files`: the files' own bytes. */
export const PACK_FORMATS = ["pixels", "jpeg", "files"] as const;
/** How a packed set stores its pictures: one of `PACK_FORMATS`. */
export type PackFormat = (typeof PACK_FORMATS)[number];

/** Written last: a folder that has it is complete. */
export const indexSchema = z.object({
  formatVersion: z.literal(FORMAT_VERSION),
  format: z.enum(PACK_FORMATS),
  size: z.int().positive().optional(),
  channels: z.int().positive(),
  pictures: z.int().positive(),
  skipped: z.int().min(0),
  bytes: z.int().positive(),
  classes: z.array(z.string()).optional(),
  fingerprint: z.string(),
  shards: z.array(z.object({ name: z.string(), bytes: z.int(), records: z.int(), checksum: z.int() })),
});
export type PackIndex = z.output<typeof indexSchema>;

/**
 * Opens the set: reads and checks the tables of its shards, not the pictures. Which part a picture is in follows from the
 * name that it had in the source that was packed, so that both split alike.
 * @throws DataError missing, not-packed, unfinished, bad-shard, empty-part
 */
export async function openPacked(spec: PackedSpec): Promise<FileSource> {
  const root = resolve(spec.path);
  const index = readIndex(root);
  const records = index.shards.flatMap((known) => {
    const shard = checkedShard(join(root, known.name), known);
    return shard.text.names.map((name, i) => ({ name, shard: known.name, place: i, label: shard.entry(i).label }));
  });
  const isChosen = inPart(
    records.map(({ name }) => name),
    spec,
    (record) => records[record]?.label,
  );
  const chosen = records.filter((_, record) => isChosen[record]);
  const names = chosen.map(({ name }) => nameInside(name));
  const paths = chosen.map(({ shard, place }, i) => `${shard}/${place}/${names[i]}`);
  if (paths.length === 0) throw emptyPart(root, spec, index.pictures);
  const whole = paths.length === index.pictures;
  return {
    spec,
    size: paths.length,
    fingerprint: whole ? index.fingerprint : hashOf(index.fingerprint, ...paths),
    classes: index.classes,
    labels: index.classes && Int32Array.from(chosen, ({ label }) => label),
    name: (sample) => names[sample] ?? `(no sample ${sample})`,
    content: { kind: "files", root, paths },
  };
}

/** A list may have named pictures outside of its folder: without what would lead out, `../photos/a.jpg` is `photos/a.jpg`. */
function nameInside(name: string): string {
  return posix.normalize(name).replace(/^(\.{0,2}\/)+/, "");
}

function hashOf(...texts: readonly string[]): string {
  const hash = createHash("sha256");
  for (const text of texts) hash.update(`${text}\n`);
  return hash.digest("hex");
}

function readIndex(root: string): PackIndex {
  const file = join(root, INDEX_FILE);
  const expected = "a folder that `lacuna data pack` has made";
  if (!existsSync(file)) {
    const exists = statSync(root, { throwIfNoEntry: false })?.isDirectory() === true;
    const unfinished = existsSync(join(root, SETTINGS_FILE));
    throw new DataError({
      code: unfinished ? "unfinished" : exists ? "not-packed" : "missing",
      path: root,
      expected,
      actual: unfinished ? "one that is not finished" : exists ? `one without ${INDEX_FILE}` : "nothing of that name",
      remedy: unfinished
        ? "Run the same `lacuna data pack` again: it goes on where it was stopped."
        : "Check the path.",
    });
  }
  try {
    return indexSchema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch (cause) {
    const actual = "other contents, or those of another version";
    throw new DataError({ code: "not-packed", path: file, expected, actual, remedy: "Pack the pictures anew.", cause });
  }
}

/** @throws DataError bad-shard, where it is missing, cut off, of another set or no shard at all */
function checkedShard(path: string, known: PackIndex["shards"][number]): Shard {
  const refuse = (actual: string, cause?: unknown): DataError =>
    new DataError({
      code: "bad-shard",
      path,
      expected: `the shard of ${known.records} pictures and ${known.bytes} bytes that was packed`,
      actual,
      remedy: "Copy the folder again, or delete this file and pack.json and pack again: the other shards are kept.",
      cause,
    });
  try {
    const shard = openShard(path);
    if (shard.checksum === known.checksum && shard.bytes === known.bytes) return shard;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (cause instanceof ShardError) throw refuse(`a file that is no whole shard: ${cause.message}`, cause);
    throw refuse(code === "ENOENT" ? "no file of that name" : String(code ?? cause), cause);
  }
  throw refuse("a shard of another set");
}

/** Table and text of a shard by its path. @throws ShardError, the system's error */
export function openShard(path: string): Shard {
  const file = openSync(path, "r");
  try {
    return readShard(file);
  } finally {
    closeSync(file);
  }
}
