/**
 * One file of a packed data set. Little-endian: 16 bytes of name and version; the records back to back; a table of 32 bytes
 * a record; a text in JSON; 32 bytes that say where table and text are, with their checksum. A shard is written once,
 * under another name, and renamed when it is complete and on the disk: whoever finds one finds all of it.
 */
import { closeSync, fstatSync, fsyncSync, openSync, readSync, renameSync } from "node:fs";
import { dirname } from "node:path";
import { crc32 } from "node:zlib";
import { onDisk } from "../../../runs/errors.js";
import { synchronise, writeFully } from "../../../runs/write-atomic.js";
import type { BadPictureCode } from "../../errors.js";

const MAGIC = "LACUNA-PACK\0";
const END_MAGIC = "LACUNAEN";
const VERSION = 1;
const HEADER = 16;
const ENTRY = 32;
const TRAILER = 32;

/** `pixels`: uint8 [height width channels]. `encoded`: the bytes of a picture file. */
export type RecordKind = "pixels" | "encoded";
const KINDS: readonly RecordKind[] = ["pixels", "encoded"];

export interface PackedRecord {
  readonly kind: RecordKind;
  readonly bytes: Uint8Array;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

export interface RecordEntry extends Omit<PackedRecord, "bytes"> {
  readonly offset: number;
  readonly length: number;
  /** CRC-32 of the bytes. */
  readonly checksum: number;
  /** −1 for none. */
  readonly label: number;
}

export interface Skipped {
  readonly path: string;
  readonly code: BadPictureCode;
  readonly reason: string;
}

/** What a shard knows besides its records. */
export interface ShardText {
  /** Samples `first` … `next` − 1 of the source: packed here, or skipped. */
  readonly first: number;
  readonly next: number;
  /** [records], paths in the source. */
  readonly names: readonly string[];
  readonly skipped: readonly Skipped[];
}

export interface Shard {
  readonly bytes: number;
  readonly count: number;
  readonly text: ShardText;
  /** Of table and text, and with them of all the records' checksums. */
  readonly checksum: number;
  entry(index: number): RecordEntry;
}

/** A file is no shard, or not a whole one. */
export class ShardError extends Error {
  constructor(
    readonly code: "foreign" | "truncated" | "damaged",
    message: string,
  ) {
    super(message);
  }
}

export class ShardWriter {
  readonly #path: string;
  readonly #file: number;
  readonly #names: string[] = [];
  readonly #entries: RecordEntry[] = [];
  #at = HEADER;
  #isOpen = true;

  constructor(path: string) {
    this.#path = path;
    this.#file = onDisk(path, () => openSync(`${path}.partial`, "w"));
    const header = Buffer.alloc(HEADER);
    header.write(MAGIC, "latin1");
    header.writeUInt32LE(VERSION, 12);
    this.#write(header, 0);
  }

  get bytes(): number {
    return this.#at;
  }

  get count(): number {
    return this.#entries.length;
  }

  add({ bytes, ...record }: PackedRecord, name: string, label: number): void {
    this.#write(bytes, this.#at);
    const place = { offset: this.#at, length: bytes.length, checksum: crc32(bytes) };
    this.#entries.push({ ...record, ...place, label });
    this.#names.push(name);
    this.#at += bytes.length;
  }

  /** Writes the end, and gives the shard its name once it is on the disk. */
  finish(rest: Omit<ShardText, "names">): void {
    const table = Buffer.alloc(this.#entries.length * ENTRY);
    this.#entries.forEach((entry, i) => {
      writeEntry(table, i * ENTRY, entry);
    });
    const { first, next, skipped } = rest;
    const text = Buffer.from(JSON.stringify({ first, next, names: this.#names, skipped }));
    const end = Buffer.alloc(TRAILER);
    end.writeDoubleLE(this.#at, 0);
    end.writeUInt32LE(text.length, 8);
    end.writeUInt32LE(this.#entries.length, 12);
    end.writeUInt32LE(crc32(text, crc32(table)), 16);
    end.write(END_MAGIC, 24, "latin1");
    this.#write(Buffer.concat([table, text, end]), this.#at);
    onDisk(this.#path, () => {
      fsyncSync(this.#file);
      this.abandon();
      renameSync(`${this.#path}.partial`, this.#path);
      synchronise(dirname(this.#path));
    });
  }

  #write(bytes: Uint8Array, position: number): void {
    onDisk(this.#path, () => writeFully(this.#file, bytes, position));
  }

  /** Leaves the file as it is, unfinished. */
  abandon(): void {
    if (this.#isOpen) closeSync(this.#file);
    this.#isOpen = false;
  }
}

function writeEntry(table: Buffer, at: number, entry: RecordEntry): void {
  table.writeDoubleLE(entry.offset, at);
  table.writeUInt32LE(entry.length, at + 8);
  table.writeUInt32LE(entry.checksum, at + 12);
  table.writeUInt32LE(entry.height, at + 16);
  table.writeUInt32LE(entry.width, at + 20);
  table.writeUInt16LE(entry.channels, at + 24);
  table.writeUInt16LE(KINDS.indexOf(entry.kind), at + 26);
  table.writeInt32LE(entry.label, at + 28);
}

function readEntry(table: Buffer, at: number): RecordEntry {
  return {
    offset: table.readDoubleLE(at),
    length: table.readUInt32LE(at + 8),
    checksum: table.readUInt32LE(at + 12),
    height: table.readUInt32LE(at + 16),
    width: table.readUInt32LE(at + 20),
    channels: table.readUInt16LE(at + 24),
    kind: KINDS[table.readUInt16LE(at + 26)] ?? "encoded",
    label: table.readInt32LE(at + 28),
  };
}

/** Bytes of an open file into `target`. @throws ShardError truncated, where the file ends before */
export function readAt(file: number, target: Uint8Array, position: number): void {
  for (let done = 0; done < target.length; ) {
    const count = readSync(file, target, done, target.length - done, position + done);
    if (count === 0) throw new ShardError("truncated", `it ends at byte ${position + done}`);
    done += count;
  }
}

/**
 * Reads table and text of an open shard, and checks them; records are checked when they are read.
 * @throws ShardError
 */
export function readShard(file: number): Shard {
  const { size } = fstatSync(file);
  const header = Buffer.alloc(HEADER);
  if (size >= HEADER) readAt(file, header, 0);
  if (header.toString("latin1", 0, 12) !== MAGIC) throw new ShardError("foreign", "it does not begin as a shard does");
  const version = header.readUInt32LE(12);
  if (version !== VERSION) throw new ShardError("foreign", `it has version ${version}, this program reads ${VERSION}`);
  const end = Buffer.alloc(TRAILER);
  if (size >= HEADER + TRAILER) readAt(file, end, size - TRAILER);
  const [tableAt, textLength, count] = [end.readDoubleLE(0), end.readUInt32LE(8), end.readUInt32LE(12)];
  const whole = end.toString("latin1", 24) === END_MAGIC && tableAt + count * ENTRY + textLength + TRAILER === size;
  if (!whole) throw new ShardError("truncated", `its ${size} bytes do not end as a shard does`);
  const rest = Buffer.alloc(count * ENTRY + textLength);
  readAt(file, rest, tableAt);
  const checksum = crc32(rest);
  if (checksum !== end.readUInt32LE(16)) throw new ShardError("damaged", "its table has another checksum than it had");
  const table = rest.subarray(0, count * ENTRY);
  const text = JSON.parse(rest.toString("utf8", count * ENTRY)) as ShardText;
  return { bytes: size, count, text, checksum, entry: (index) => readEntry(table, index * ENTRY) };
}
