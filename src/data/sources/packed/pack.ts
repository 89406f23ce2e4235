/**
 * Packs the pictures of a source into a few large files: decoded and resized once, read many times, in one read each.
 *
 * Records stand in the order of the source, whoever made them, and shards end where the next record would make them too
 * large: the files depend on the pictures and the settings alone. A shard gets its name when it is complete; after kill -9
 * packing goes on behind the last complete one, and the result is the same to the bit.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { makeFolder, writeAtomic } from "../../../runs/write-atomic.js";
import { DEFAULT_MAX_PIXELS, DEFAULT_TIMEOUT_MS } from "../../decode.js";
import { DataError } from "../../errors.js";
import { pixelsOf, withChannels } from "../../loader/content.js";
import { openSource, type Source, type SourceInput } from "../../source.js";
import { RecordPool } from "./pool.js";
import { type Made, type RecordSettings, recordOf } from "./record.js";
import { type Shard, ShardWriter, type Skipped } from "./shard.js";
import { FORMAT_VERSION, INDEX_FILE, openShard, type PackFormat, type PackIndex, SETTINGS_FILE } from "./source.js";

/** Where a packed set is written, and how its pictures are stored. */
export interface PackOptions {
  readonly out: string;
  /** Default "pixels". */
  readonly format?: PackFormat;
  /** Shorter side at most, default 256; null keeps every size. */
  readonly size?: number | null;
  /** Default: those of pictures in memory, 3 for files. */
  readonly channels?: number;
  /** Of `jpeg`, default 90. */
  readonly quality?: number;
  readonly maxPixels?: number;
  readonly timeoutMs?: number;
  /** Threads; never changes a byte. Default 0: the calling one. */
  readonly workers?: number;
  /** A shard's bytes at most, one picture more where that is larger. Default 256 MiB. */
  readonly shardBytes?: number;
  readonly onProgress?: (progress: PackProgress) => void;
  readonly signal?: AbortSignal;
}

/** How far packing is, in pictures. */
export interface PackProgress {
  readonly done: number;
  readonly total: number;
  readonly skipped: number;
}

/** What a packed set holds, and what was left out of it. */
export interface PackSummary extends PackIndex {
  readonly out: string;
  /** Pictures that cannot be used, with the reason. */
  readonly bad: readonly Skipped[];
  /** Pictures that stood in complete shards already. */
  readonly resumedAt: number;
}

const DEFAULT_SIZE = 256;
const DEFAULT_QUALITY = 90;
const DEFAULT_SHARD_BYTES = 256 * 2 ** 20;

/**
 * Packs a source, or goes on with a folder in which the same was begun.
 * @throws DataError other-pack, where the folder holds something else; no-pictures, where none can be used; the source's
 * own; the signal's reason; FileError, where the disk is full or refuses
 */
export async function pack(input: SourceInput, options: PackOptions): Promise<PackSummary> {
  const source = await openSource(input);
  if (source.captions !== undefined) throw captioned(source);
  const out = resolve(options.out);
  const settings = settingsOf(source, options);
  const shardBytes = options.shardBytes ?? DEFAULT_SHARD_BYTES;
  begin(out, { formatVersion: FORMAT_VERSION, source: source.fingerprint, size: source.size, shardBytes, settings });
  const done = completeShards(out);
  const resumedAt = done.at(-1)?.shard.text.next ?? 0;
  if (resumedAt < source.size) {
    const pool = new RecordPool(settings, source.content.kind === "files" ? (options.workers ?? 0) : 0);
    const packing = { source, settings, out, shardBytes, pool, options };
    try {
      await packFrom(resumedAt, done, packing);
    } finally {
      await pool.close();
    }
  }
  return { ...finish(out, done, source, settings), resumedAt };
}

/** A packed set has no place for texts: losing them silently would cost a night. */
function captioned({ spec }: Source): DataError {
  const path = "path" in spec ? `${spec.path}` : spec.kind;
  const remedy = "Train on the files themselves.";
  return new DataError({
    code: "captions",
    path,
    expected: "pictures without captions",
    actual: "a table with captions",
    remedy,
  });
}

function settingsOf(source: Source, options: PackOptions): RecordSettings {
  const { content } = source;
  const { format = "pixels", size = DEFAULT_SIZE, quality = DEFAULT_QUALITY } = options;
  return {
    format: format === "files" && content.kind === "pixels" ? "pixels" : format, // there are no files to keep
    size: format === "files" ? undefined : (size ?? undefined),
    channels: options.channels ?? (content.kind === "pixels" ? content.channels : 3),
    quality,
    maxPixels: options.maxPixels ?? DEFAULT_MAX_PIXELS,
    timeoutMs: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
  };
}

/** Makes the folder, or checks that the same was begun in it. */
function begin(out: string, settings: object): void {
  const file = join(out, SETTINGS_FILE);
  const text = `${JSON.stringify(settings, undefined, 1)}\n`;
  makeFolder(out);
  const entries = readdirSync(out);
  if (existsSync(file) ? readFileSync(file, "utf8") === text : entries.length === 0) {
    if (entries.length === 0) writeAtomic(file, text);
    return;
  }
  throw new DataError({
    code: "other-pack",
    path: out,
    expected: "an empty folder, or one in which these pictures were begun to be packed with these settings",
    actual: existsSync(file) ? "a set of other pictures or settings" : "other files",
    remedy: "Choose another folder with --out, or delete this one.",
  });
}

interface Complete {
  readonly name: string;
  readonly shard: Shard;
}

const nameOf = (number: number): string => `${String(number).padStart(5, "0")}.pack`;

/** Those of an earlier run, up to the first that is missing or damaged; what lies behind is made again. */
function completeShards(out: string): Complete[] {
  const found: Complete[] = [];
  for (let name = nameOf(0); existsSync(join(out, name)); name = nameOf(found.length)) {
    try {
      found.push({ name, shard: openShard(join(out, name)) });
    } catch {
      break;
    }
  }
  const kept = new Set(found.map(({ name }) => name));
  for (const name of readdirSync(out)) {
    if (/\.pack(\.partial)?$/.test(name) && !kept.has(name)) rmSync(join(out, name));
  }
  return found;
}

interface Packing {
  readonly source: Source;
  readonly settings: RecordSettings;
  readonly out: string;
  readonly shardBytes: number;
  readonly pool: RecordPool;
  readonly options: PackOptions;
}

/** Adds the shards that it makes to `done`. */
async function packFrom(start: number, done: Complete[], packing: Packing): Promise<void> {
  const { source, out, shardBytes, options } = packing;
  const waiting: Promise<Made>[] = [];
  let [asked, first] = [start, start];
  let skipped: Skipped[] = [];
  let writer = new ShardWriter(join(out, nameOf(done.length)));
  let bad = done.reduce((sum, { shard }) => sum + shard.text.skipped.length, 0);
  const close = (next: number): void => {
    const name = nameOf(done.length);
    writer.finish({ first, next, skipped });
    done.push({ name, shard: openShard(join(out, name)) });
    [first, skipped] = [next, []];
  };
  try {
    for (let sample = start; sample < source.size; sample++) {
      options.signal?.throwIfAborted();
      for (; asked < source.size && asked <= sample + packing.pool.ahead; asked++) waiting.push(made(asked, packing));
      const result = await (waiting.shift() as Promise<Made>);
      if ("bad" in result) {
        skipped.push({ path: source.name(sample), ...result.bad });
        bad++;
      } else {
        if (writer.count > 0 && writer.bytes + result.record.bytes.length > shardBytes) {
          close(sample);
          writer = new ShardWriter(join(out, nameOf(done.length)));
        }
        writer.add(result.record, source.name(sample), source.labels?.[sample] ?? -1);
      }
      options.onProgress?.({ done: sample + 1, total: source.size, skipped: bad });
    }
    close(source.size);
  } catch (error) {
    writer.abandon();
    throw error;
  }
}

function made(sample: number, { source, settings, pool }: Packing): Promise<Made> {
  const { content } = source;
  if (content.kind === "files") return pool.make(join(content.root, content.paths[sample] as string));
  const picture = withChannels(pixelsOf(content, sample), settings.channels);
  return recordOf(picture, source.name(sample), settings).then((record) => ({ record }));
}

/** Writes the index, which makes the folder a set. */
function finish(out: string, done: readonly Complete[], source: Source, settings: RecordSettings) {
  const bad = done.flatMap(({ shard }) => shard.text.skipped);
  const pictures = done.reduce((sum, { shard }) => sum + shard.count, 0);
  if (pictures === 0) {
    const examples = bad.slice(0, 5).map(({ path, code, reason }) => `\n  ${path}: ${code}: ${reason}`);
    const actual = `none of ${source.size}:${examples.join("")}`;
    throw new DataError({ code: "no-pictures", path: out, expected: "pictures that can be used", actual });
  }
  const hash = createHash("sha256");
  for (const { shard } of done) hash.update(`${shard.bytes} ${shard.checksum} ${shard.text.names.join("\0")}\n`);
  const index: PackIndex = {
    formatVersion: FORMAT_VERSION,
    format: settings.format,
    ...(settings.size === undefined ? {} : { size: settings.size }),
    channels: settings.channels,
    pictures,
    skipped: bad.length,
    bytes: done.reduce((sum, { shard }) => sum + shard.bytes, 0),
    ...(source.classes === undefined ? {} : { classes: [...source.classes] }),
    fingerprint: hash.digest("hex"),
    shards: done.map(({ name, shard }) => {
      return { name, bytes: shard.bytes, records: shard.count, checksum: shard.checksum };
    }),
  };
  writeAtomic(join(out, INDEX_FILE), `${JSON.stringify(index, undefined, 1)}\n`);
  return { ...index, out, bad };
}
