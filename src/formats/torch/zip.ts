/**
 * The directory of a ZIP archive as torch.save writes it: everything stored, nothing compressed (APPNOTE.TXT 6.3.10,
 * sections 4.3 and 4.4; ZIP64 where sizes need it). Ours and not a package's, since a checkpoint needs what those hide:
 * the place of an entry's bytes, read synchronously, and a refusal of entries that overlap.
 */
import type { ByteSource } from "../bytes.js";
import { excerpt, FormatError, type FormatErrorCode } from "../errors.js";

/** A checkpoint has one entry for each storage: ViT-H with its optimiser has 1,500. */
const maximumEntries = 100_000;
const maximumDirectoryBytes = 32 * 2 ** 20;
const maximumNameBytes = 1024;

const signature = { local: 0x04034b50, central: 0x02014b50, end: 0x06054b50, locator: 0x07064b50, end64: 0x06064b50 };

/** One stored file of an archive; `start` and `end` are byte offsets into the archive. */
export interface ZipEntry {
  readonly name: string;
  readonly start: number;
  readonly end: number;
  /** CRC-32 as the directory states it. */
  readonly crc32: number;
}

/** Whether bytes begin like an archive. */
export function isZip(first: Uint8Array): boolean {
  return first.length >= 4 && view(first).getUint32(0, true) === signature.local;
}

/**
 * Reads the directory: every entry stored, inside the file, before the directory, apart from every other.
 * @throws FormatError "truncated", "bad-header", "bad-offsets", "duplicate-name", "too-large"; "unsupported" for compressed
 * or encrypted entries
 */
export function readZip(bytes: ByteSource): ReadonlyMap<string, ZipEntry> {
  const directory = findDirectory(bytes);
  const records = readRecords(bytes, directory);
  const entries = new Map<string, ZipEntry>();
  let previous: { name: string; end: number } = { name: "", end: 0 };
  for (const record of records.sort((a, b) => a.offset - b.offset || a.bytes - b.bytes)) {
    if (record.offset < previous.end) {
      const actual = `${excerpt(record.name)} at ${record.offset}, inside ${excerpt(previous.name)}`;
      throw fail(bytes, "bad-offsets", "entries that do not overlap", actual);
    }
    const start = dataStart(bytes, record, directory.start);
    previous = { name: record.name, end: start + record.bytes };
    if (entries.has(record.name)) {
      throw fail(bytes, "duplicate-name", "every entry once", `${excerpt(record.name)} twice`);
    }
    entries.set(record.name, { name: record.name, start, end: previous.end, crc32: record.crc32 });
  }
  return entries;
}

interface Directory {
  readonly start: number;
  readonly end: number;
  readonly count: number;
}

function findDirectory(bytes: ByteSource): Directory {
  const tailStart = Math.max(0, bytes.size - 22 - 0xffff);
  const tail = bytes.read(tailStart, bytes.size);
  const data = view(tail);
  for (let at = tail.length - 22; at >= 0; at--) {
    if (data.getUint32(at, true) !== signature.end || at + 22 + data.getUint16(at + 20, true) !== tail.length) continue;
    return checkDirectory(bytes, readEnd(bytes, tail, at, tailStart), tailStart + at);
  }
  const remedy = "The file is cut off, or no archive of torch.save.";
  throw fail(bytes, "truncated", "an archive that ends in a directory", "none at its end", remedy);
}

/** The end record, or the one of ZIP64 before it where a field has overflowed. */
function readEnd(bytes: ByteSource, tail: Uint8Array, at: number, tailStart: number): Directory {
  const data = view(tail);
  const [disk, count] = [data.getUint16(at + 4, true), data.getUint16(at + 10, true)];
  const [length, start] = [data.getUint32(at + 12, true), data.getUint32(at + 16, true)];
  const overflowed = count === 0xffff || length === 0xffffffff || start === 0xffffffff;
  const locator = at - 20;
  if (!overflowed || locator < 0 || data.getUint32(locator, true) !== signature.locator) {
    if (disk !== 0) throw fail(bytes, "unsupported", "an archive in one file", `disk ${disk}`);
    return { start, end: start + length, count };
  }
  const place = long(data, locator + 8, bytes);
  if (place + 56 > tailStart + locator)
    throw fail(bytes, "bad-offsets", "a ZIP64 record before its locator", `${place}`);
  const record = view(bytes.read(place, place + 56));
  if (record.getUint32(0, true) !== signature.end64) {
    throw fail(bytes, "bad-header", "a ZIP64 end record", `other bytes at ${place}`);
  }
  const from = long(record, 48, bytes);
  return { start: from, end: from + long(record, 40, bytes), count: long(record, 32, bytes) };
}

function checkDirectory(bytes: ByteSource, directory: Directory, limit: number): Directory {
  const { start, end, count } = directory;
  if (end > limit) throw fail(bytes, "bad-offsets", `a directory before ${limit}`, `${start} to ${end}`);
  if (count > maximumEntries) throw fail(bytes, "too-large", `at most ${maximumEntries} entries`, `${count}`);
  if (end - start > maximumDirectoryBytes) {
    throw fail(bytes, "too-large", `a directory of at most ${maximumDirectoryBytes} bytes`, `${end - start}`);
  }
  return directory;
}

interface Record {
  readonly name: string;
  /** Of the local header. */
  readonly offset: number;
  readonly bytes: number;
  readonly crc32: number;
}

function readRecords(bytes: ByteSource, { start, end, count }: Directory): Record[] {
  const directory = bytes.read(start, end);
  const data = view(directory);
  const records: Record[] = [];
  let at = 0;
  while (records.length < count) {
    if (at + 46 > directory.length || data.getUint32(at, true) !== signature.central) {
      throw fail(bytes, "bad-header", `${count} entries in the directory`, `${records.length}`);
    }
    const [nameBytes, extraBytes] = [data.getUint16(at + 28, true), data.getUint16(at + 30, true)];
    const next = at + 46 + nameBytes + extraBytes + data.getUint16(at + 32, true);
    if (next > directory.length || nameBytes > maximumNameBytes) {
      throw fail(bytes, "bad-header", "a name that ends inside the directory", `${nameBytes} bytes`);
    }
    const name = Buffer.from(directory.subarray(at + 46, at + 46 + nameBytes)).toString("utf8");
    records.push(readRecord(bytes, data, at, name));
    at = next;
  }
  return records;
}

function readRecord(bytes: ByteSource, data: DataView, at: number, name: string): Record {
  const [flags, method] = [data.getUint16(at + 8, true), data.getUint16(at + 10, true)];
  if (method !== 0 || (flags & 0x2041) !== 0) {
    const actual = `${excerpt(name)} ${method === 0 ? "encrypted" : `compressed by method ${method}`}`;
    const remedy = name.includes("/code/")
      ? "It is a TorchScript archive, which holds code. In Python: torch.save(torch.jit.load(path).state_dict(), other)."
      : "Save it again with torch.";
    throw fail(bytes, "unsupported", "stored entries, as torch.save writes them", actual, remedy);
  }
  const extra = { at: at + 46 + data.getUint16(at + 28, true), length: data.getUint16(at + 30, true) };
  const wide = zip64Fields(data, extra.at, extra.at + extra.length);
  const field = (where: number): number => {
    const value = data.getUint32(at + where, true);
    if (value !== 0xffffffff) return value;
    const place = wide.next();
    return place.done === true ? value : long(data, place.value, bytes);
  };
  const [whole, stored, offset] = [field(24), field(20), field(42)];
  if (whole !== stored) throw fail(bytes, "bad-header", `${excerpt(name)} of ${whole} bytes`, `${stored} stored`);
  return { name, offset, bytes: stored, crc32: data.getUint32(at + 16, true) };
}

/** Places of the 64-bit numbers in a record's extra field, in order: whole size, stored size, offset, as far as needed. */
function* zip64Fields(data: DataView, start: number, end: number): Generator<number, undefined> {
  for (let at = start; at + 4 <= end; at += 4 + data.getUint16(at + 2, true)) {
    if (data.getUint16(at, true) !== 1) continue;
    const last = Math.min(end, at + 4 + data.getUint16(at + 2, true));
    for (let place = at + 4; place + 8 <= last; place += 8) yield place;
    return;
  }
}

/** Where an entry's bytes begin: behind its local header, whose extra field may be longer than the directory's. */
function dataStart(bytes: ByteSource, record: Record, limit: number): number {
  const { name, offset } = record;
  if (offset + 30 + record.bytes > limit) {
    throw fail(
      bytes,
      "bad-offsets",
      `${excerpt(name)} before the directory at ${limit}`,
      `${record.bytes} at ${offset}`,
    );
  }
  const local = view(bytes.read(offset, offset + 30));
  if (local.getUint32(0, true) !== signature.local) {
    throw fail(bytes, "bad-header", `the header of ${excerpt(name)} at ${offset}`, "other bytes");
  }
  const nameBytes = local.getUint16(26, true);
  const start = offset + 30 + nameBytes + local.getUint16(28, true);
  const own = Buffer.from(bytes.read(offset + 30, Math.min(limit, offset + 30 + nameBytes))).toString("utf8");
  if (own !== name) throw fail(bytes, "bad-header", `the name ${excerpt(name)} at ${offset}`, excerpt(own));
  if (start + record.bytes <= limit) return start;
  throw fail(
    bytes,
    "bad-offsets",
    `${excerpt(name)} before the directory at ${limit}`,
    `an end at ${start + record.bytes}`,
  );
}

function long(data: DataView, at: number, bytes: ByteSource): number {
  const value = data.getBigUint64(at, true);
  if (value <= BigInt(bytes.size)) return Number(value);
  throw fail(bytes, "bad-offsets", `sizes and offsets inside the file's ${bytes.size} bytes`, `${value}`);
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function fail({ path }: ByteSource, code: FormatErrorCode, expected: string, actual: string, remedy?: string) {
  return new FormatError({ code, path, expected, actual, ...(remedy === undefined ? {} : { remedy }) });
}
