/**
 * Records of packed data sets as files among others: a record's path is that of its shard, its number in it and its name,
 * `photos-packed/00003.pack/417/cats/tom.jpg`. All that takes paths of pictures takes these.
 */
import { closeSync, openSync } from "node:fs";
import { crc32 } from "node:zlib";
import { BadPictureError } from "../../errors.js";
import type { Picture } from "../../resample.js";
import { type PackedRecord, type RecordEntry, readAt, readShard, type Shard, ShardError } from "./shard.js";

const RECORD = /^(.*\/\d{5,}\.pack)\/(\d+)\//s;

export interface RecordPath {
  readonly shard: string;
  readonly index: number;
}

/** Undefined for the path of an ordinary file. */
export function recordPath(path: string): RecordPath | undefined {
  const match = RECORD.exec(path);
  return match === null ? undefined : { shard: match[1] as string, index: Number(match[2]) };
}

/** Most shards that this thread keeps open; then the one opened first is closed. */
const MOST_OPEN = 128;

interface OpenShard {
  readonly file: number;
  readonly shard: Shard;
}

const open = new Map<string, OpenShard>();

function openShard(path: string): OpenShard {
  const known = open.get(path);
  if (known !== undefined) return known;
  const file = openSync(path, "r");
  try {
    const opened = { file, shard: readShard(file) };
    if (open.size >= MOST_OPEN) closeFirst();
    open.set(path, opened);
    return opened;
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

function closeFirst(): void {
  for (const [path, { file }] of open) {
    closeSync(file);
    open.delete(path);
    return;
  }
}

/** What is known of a record without reading its bytes. @throws BadPictureError missing, truncated, unreadable */
export function recordEntry(record: RecordPath): RecordEntry {
  return reading(record, ({ shard }) => shard.entry(record.index));
}

/** All bytes of a record, checked. @throws BadPictureError missing, truncated, unreadable */
export function readRecord(record: RecordPath): PackedRecord {
  return reading(record, ({ file, shard }) => {
    const { offset, length, checksum, ...entry } = shard.entry(record.index);
    const bytes = new Uint8Array(length);
    readAt(file, bytes, offset);
    if (crc32(bytes) !== checksum) throw new ShardError("damaged", "the record has another checksum than it had");
    return { ...entry, bytes };
  });
}

/** Pixels are thrown away as soon as they are resampled: one block of memory a thread is enough. */
let scratch = new Uint8Array(0);

/**
 * Some rows of a record of pixels, unchecked; in memory that the next call in this thread takes again.
 * @throws BadPictureError missing, truncated, unreadable
 */
export function readRows(record: RecordPath, top: number, height: number): Picture {
  return reading(record, ({ file, shard }) => {
    const { offset, width, channels } = shard.entry(record.index);
    const rowBytes = width * channels;
    if (scratch.length < height * rowBytes) scratch = new Uint8Array(height * rowBytes);
    const data = scratch.subarray(0, height * rowBytes);
    readAt(file, data, offset + top * rowBytes);
    return { data, height, width, channels };
  });
}

function reading<T>(record: RecordPath, body: (opened: OpenShard) => T): T {
  const where = `${record.shard}/${record.index}`;
  try {
    const opened = openShard(record.shard);
    if (record.index < opened.shard.count) return body(opened);
    throw new BadPictureError("missing", where, `the shard has ${opened.shard.count} records`);
  } catch (error) {
    if (error instanceof BadPictureError) throw error;
    const message = error instanceof Error ? error.message : String(error);
    if (!(error instanceof ShardError)) throw new BadPictureError("missing", where, message, error);
    const code = error.code === "truncated" ? "truncated" : "unreadable";
    throw new BadPictureError(code, where, `the shard cannot be used: ${message}`, error);
  }
}
