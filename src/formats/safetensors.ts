/**
 * safetensors (https://github.com/huggingface/safetensors): eight bytes of header length, a JSON header, the data of all
 * tensors one after another, little-endian, C order.
 */
import { closeSync, fsyncSync, openSync } from "node:fs";
import { type ByteSource, bytesInMemory, openBytes, writeBytes, writingTo } from "./bytes.js";
import { byteLength, type Dtype, elementBytes, isDtype, type RawTensor } from "./dtype.js";
import { excerpt, FormatError } from "./errors.js";
import {
  isWellFormed,
  maximumHeaderBytes,
  parseHeader,
  type SafetensorsEntry,
  type SafetensorsHeader,
} from "./safetensors-header.js";

/** An open safetensors file: the header is read and checked, the data of a tensor is read when asked for. */
export class SafetensorsFile {
  /** In the order in which the tensors lie in the file. */
  readonly names: readonly string[];
  /** `__metadata__`; undefined where the file has none. */
  readonly metadata: Readonly<Record<string, string>> | undefined;

  private constructor(
    readonly path: string,
    private readonly header: SafetensorsHeader,
    private readonly bytes: ByteSource,
    private readonly base: number,
  ) {
    this.names = [...header.entries.keys()];
    this.metadata = header.metadata;
  }

  /**
   * Opens a file and checks its header against its size; the data is not touched.
   * @throws FormatError "unreadable" (cause: the system's error), "truncated", "too-large", "bad-header", …
   */
  static open(path: string): SafetensorsFile {
    const bytes = openBytes(path, "safetensors file");
    try {
      return SafetensorsFile.over(bytes);
    } catch (error) {
      bytes.close();
      throw error;
    }
  }

  /** The same over bytes in memory; `read` returns views into `bytes`, which need not be aligned to their type. */
  static fromBytes(bytes: Uint8Array, path = "(memory)"): SafetensorsFile {
    return SafetensorsFile.over(bytesInMemory(bytes, path));
  }

  private static over(bytes: ByteSource): SafetensorsFile {
    const { path, size } = bytes;
    const base = 8 + headerLength(bytes.read(0, Math.min(8, size)), size, path);
    const header = parseHeader(decodeHeader(bytes.read(8, base), path), size - base, path);
    return new SafetensorsFile(path, header, bytes, base);
  }

  has(name: string): boolean {
    return this.header.entries.has(name);
  }

  /** Type, shape and place of a tensor. @throws FormatError "missing" */
  entry(name: string): SafetensorsEntry {
    const entry = this.header.entries.get(name);
    if (entry !== undefined) return entry;
    const some = this.names.slice(0, 3).map(excerpt).join(", ");
    throw new FormatError({
      code: "missing",
      path: this.path,
      expected: `a tensor named ${excerpt(name)}`,
      actual: `${this.names.length} tensors without it${some === "" ? "" : ` (${some}, …)`}`,
    });
  }

  /** Reads one tensor. @throws FormatError "missing", "closed", "truncated" (the file shrank since it was opened) */
  read(name: string): RawTensor {
    const { dtype, shape, start, end } = this.entry(name);
    return { dtype, shape, data: this.bytes.read(this.base + start, this.base + end) };
  }

  /** Closes the file; a second call does nothing. */
  close(): void {
    this.bytes.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** What is written; `data` may be a function, called once when its turn has come, so that one tensor at a time is in memory. */
export interface TensorToWrite {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly data: Uint8Array | (() => Uint8Array);
}

/**
 * Writes a file as the reference crate does: header padded with spaces to a multiple of eight, tensors by falling
 * alignment of their type, then by name, so that each is aligned to its type. Not atomic: write to a temporary name
 * and rename. `fsync` (default false) forces the data to the disk before it returns.
 * @throws FormatError "no-space", "unwritable" (cause: the system's error), "bad-name", "duplicate-name", "bad-data"
 */
export function writeSafetensors(
  path: string,
  tensors: Iterable<readonly [string, TensorToWrite]>,
  metadata?: Readonly<Record<string, string>>,
  options: { readonly fsync?: boolean } = {},
): void {
  const { header, ordered } = layOut(tensors, metadata, path);
  writingTo(path, () => {
    const descriptor = openSync(path, "w");
    try {
      writeBytes(descriptor, header);
      for (const tensor of ordered) writeBytes(descriptor, dataOf(tensor, path));
      if (options.fsync === true) fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  });
}

/**
 * The bytes before the data of a file with one tensor, for files written row by row. @param least bytes it takes at least:
 * a header for fewer rows can so be put in the place of one for more
 */
export function safetensorsHeader(
  name: string,
  tensor: Pick<TensorToWrite, "dtype" | "shape">,
  metadata?: Readonly<Record<string, string>>,
  least = 0,
): Uint8Array {
  const { header } = layOut([[name, { ...tensor, data: new Uint8Array() }]], metadata, "(memory)");
  if (header.length >= least) return header;
  const longer = Buffer.alloc(8 + Math.ceil((least - 8) / 8) * 8, " ");
  longer.set(header);
  longer.writeBigUInt64LE(BigInt(longer.length - 8), 0);
  return longer;
}

/** The same as bytes in memory. */
export function encodeSafetensors(
  tensors: Iterable<readonly [string, TensorToWrite]>,
  metadata?: Readonly<Record<string, string>>,
): Uint8Array {
  const { header, ordered } = layOut(tensors, metadata, "(memory)");
  return Buffer.concat([header, ...ordered.map((tensor) => dataOf(tensor, "(memory)"))]);
}

interface Placed {
  readonly name: string;
  readonly bytes: number;
  readonly tensor: TensorToWrite;
}

function layOut(
  tensors: Iterable<readonly [string, TensorToWrite]>,
  metadata: Readonly<Record<string, string>> | undefined,
  path: string,
): { header: Uint8Array; ordered: Placed[] } {
  const rank = new Map(Object.keys(elementBytes).map((dtype, index) => [dtype, index]));
  const placed = new Map<string, Placed & { rank: number; key: Buffer }>();
  for (const [name, tensor] of tensors) {
    checkName(name, path);
    if (placed.has(name)) {
      throw new FormatError({ code: "duplicate-name", path, expected: "every name once", actual: excerpt(name) });
    }
    if (!isDtype(tensor.dtype)) {
      throw new FormatError({ code: "unsupported-dtype", path, expected: "a safetensors type", actual: tensor.dtype });
    }
    const bytes = byteLength(tensor.dtype, tensor.shape, `${path}, tensor ${excerpt(name)}`);
    placed.set(name, { name, bytes, tensor, rank: rank.get(tensor.dtype) as number, key: Buffer.from(name) });
  }
  const ordered = [...placed.values()].sort((a, b) => b.rank - a.rank || Buffer.compare(a.key, b.key));
  return { header: encodeHeader(ordered, metadata, path), ordered };
}

function encodeHeader(
  ordered: readonly Placed[],
  metadata: Readonly<Record<string, string>> | undefined,
  path: string,
): Uint8Array {
  const members: string[] = [];
  if (metadata !== undefined) members.push(`"__metadata__":${encodeMetadata(metadata, path)}`);
  let position = 0;
  for (const { name, bytes, tensor } of ordered) {
    const offsets = [position, position + bytes];
    const info = { dtype: tensor.dtype, shape: tensor.shape, data_offsets: offsets };
    members.push(`${JSON.stringify(name)}:${JSON.stringify(info)}`);
    position += bytes;
  }
  const json = Buffer.from(`{${members.join(",")}}`);
  const padded = Math.ceil(json.length / 8) * 8;
  if (padded > maximumHeaderBytes) throw tooLarge(path, padded);
  const header = Buffer.alloc(8 + padded, " ");
  header.writeBigUInt64LE(BigInt(padded), 0);
  json.copy(header, 8);
  return header;
}

function encodeMetadata(metadata: Readonly<Record<string, string>>, path: string): string {
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value === "string" && isWellFormed(key) && isWellFormed(value)) continue;
    throw new FormatError({
      code: "bad-data",
      path: `${path}, __metadata__.${key}`,
      expected: "a string of valid Unicode",
      actual: typeof value,
    });
  }
  return JSON.stringify(metadata);
}

function checkName(name: string, path: string): void {
  if (name !== "__metadata__" && isWellFormed(name)) return;
  const expected = "a name of valid Unicode other than __metadata__";
  throw new FormatError({ code: "bad-name", path, expected, actual: excerpt(name) });
}

function dataOf({ name, bytes, tensor }: Placed, path: string): Uint8Array {
  const data = typeof tensor.data === "function" ? tensor.data() : tensor.data;
  if (data.byteLength === bytes) return data;
  throw new FormatError({
    code: "bad-data",
    path: `${path}, tensor ${excerpt(name)}`,
    expected: `${bytes} bytes for ${tensor.dtype} [${tensor.shape.join(" ")}]`,
    actual: `${data.byteLength}`,
  });
}

function headerLength(prefix: Uint8Array, fileBytes: number, path: string): number {
  if (prefix.byteLength < 8) {
    throw new FormatError({
      code: "truncated",
      path,
      expected: "at least the 8 bytes of a header length",
      actual: `${fileBytes} bytes`,
    });
  }
  const length = Buffer.from(prefix.buffer, prefix.byteOffset, 8).readBigUInt64LE();
  if (length > BigInt(maximumHeaderBytes)) throw tooLarge(path, length);
  if (Number(length) + 8 > fileBytes) {
    throw new FormatError({
      code: "truncated",
      path,
      expected: `a header of ${length} bytes`,
      actual: `a file of ${fileBytes}`,
      remedy: "The file is cut off, or not a safetensors file.",
    });
  }
  return Number(length);
}

function tooLarge(path: string, bytes: number | bigint): FormatError {
  const expected = `a header of at most ${maximumHeaderBytes} bytes`;
  const remedy = "This may not be a safetensors file.";
  return new FormatError({ code: "too-large", path, expected, actual: `${bytes}`, remedy });
}

function decodeHeader(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    const detail = { code: "bad-header", path, expected: "a header in UTF-8", actual: "other bytes" } as const;
    throw new FormatError({ ...detail, cause });
  }
}
