/**
 * Writes what `torch.load(path, weights_only=True)` reads: a pickle of protocol 2 that names nothing but dictionaries and
 * tensors, and one stored entry for each tensor, aligned to 64 bytes as torch aligns them (so that it can be mapped).
 */
import { closeSync, fsyncSync, openSync } from "node:fs";
import { crc32 } from "node:zlib";
import { writeBytes, writingTo } from "../bytes.js";
import { byteLength, elementBytes } from "../dtype.js";
import { excerpt, FormatError } from "../errors.js";
import type { TensorToWrite } from "../safetensors.js";
import { storageClasses } from "./globals.js";

/** Dictionaries of tensors, nested as they come. */
export type TorchTree = TensorToWrite | ReadonlyMap<string, TorchTree>;

const root = "archive/";
const alignment = 64;

/**
 * Writes a file. Data is asked for one tensor at a time, in order. Not atomic: write to a temporary name and rename.
 * @throws FormatError "no-space", "unwritable", "bad-data", "unsupported-dtype"
 */
export function writeTorch(path: string, content: ReadonlyMap<string, TorchTree>): void {
  const pickler = new Pickler(path);
  const description = pickler.dump(content);
  writingTo(path, () => {
    const descriptor = openSync(path, "w");
    try {
      const archive = new Archive(descriptor);
      archive.add(`${root}data.pkl`, description.length, () => description);
      archive.add(`${root}byteorder`, 6, () => Buffer.from("little"));
      for (const [key, tensor] of pickler.tensors.entries()) {
        const bytes = byteLength(tensor.dtype, tensor.shape, path);
        archive.add(`${root}data/${key}`, bytes, () => dataOf(tensor, bytes, path));
      }
      archive.add(`${root}version`, 2, () => Buffer.from("3\n"));
      archive.finish();
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  });
}

function dataOf({ data, dtype, shape }: TensorToWrite, bytes: number, path: string): Uint8Array {
  const given = typeof data === "function" ? data() : data;
  if (given.byteLength === bytes) return given;
  const expected = `${bytes} bytes for ${dtype} [${shape.join(" ")}]`;
  throw new FormatError({ code: "bad-data", path, expected, actual: `${given.byteLength}` });
}

/** Opcodes of protocol 2, without a memo: nothing is referred to twice. */
class Pickler {
  /** In the order of their storages' keys. */
  readonly tensors: TensorToWrite[] = [];
  private readonly pieces: Buffer[] = [];

  constructor(private readonly path: string) {}

  dump(content: ReadonlyMap<string, TorchTree>): Buffer {
    this.put("\x80\x02");
    this.tree(content);
    this.put(".");
    return Buffer.concat(this.pieces);
  }

  private put(opcodes: string): void {
    this.pieces.push(Buffer.from(opcodes, "latin1"));
  }

  private tree(tree: TorchTree): void {
    if (!isMap(tree)) {
      this.tensor(tree);
      return;
    }
    this.put("}(");
    for (const [key, value] of tree) {
      this.string(key);
      this.tree(value);
    }
    this.put("u");
  }

  private string(text: string): void {
    const bytes = Buffer.from(text);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(bytes.length);
    this.put("X");
    this.pieces.push(length, bytes);
  }

  /** Smallest of BININT1, BININT and LONG1. */
  private integer(value: number): void {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(value));
    if (value < 256) this.pieces.push(Buffer.from("K"), bytes.subarray(0, 1));
    else if (value < 2 ** 31) this.pieces.push(Buffer.from("J"), bytes.subarray(0, 4));
    else this.pieces.push(Buffer.from([0x8a, 8]), bytes);
  }

  private tuple(values: readonly number[]): void {
    this.put("(");
    for (const value of values) this.integer(value);
    this.put("t");
  }

  private tensor(tensor: TensorToWrite): void {
    const { dtype, shape } = tensor;
    const className = (storageClasses as Partial<Record<string, string>>)[dtype];
    if (className === undefined) {
      const expected = `a type among ${Object.keys(storageClasses).join(", ")}`;
      throw new FormatError({ code: "unsupported-dtype", path: this.path, expected, actual: excerpt(dtype) });
    }
    this.put("ctorch._utils\n_rebuild_tensor_v2\n((");
    this.string("storage");
    this.put(`ctorch\n${className}\n`);
    this.string(String(this.tensors.length));
    this.string("cpu");
    this.integer(byteLength(dtype, shape, this.path) / elementBytes[dtype]);
    this.put("tQK\0");
    this.tuple(shape);
    this.tuple(shape.map((_, i) => shape.slice(i + 1).reduce((product, side) => product * Math.max(1, side), 1)));
    this.put("\x89ccollections\nOrderedDict\n)RtR"); // requires no gradient, has no hooks
    this.tensors.push(tensor);
  }
}

function isMap(tree: TorchTree): tree is ReadonlyMap<string, TorchTree> {
  return tree instanceof Map;
}

interface Written {
  readonly name: Buffer;
  readonly offset: number;
  readonly bytes: number;
  readonly crc32: number;
}

const largest32 = 0xffffffff;

/** A ZIP archive of stored entries (APPNOTE.TXT, sections 4.3 and 4.4), ZIP64 where a number needs it. */
class Archive {
  private readonly entries: Written[] = [];
  private position = 0;

  constructor(private readonly descriptor: number) {}

  add(name: string, bytes: number, data: () => Uint8Array): void {
    const nameBytes = Buffer.from(name);
    const offset = this.position;
    const content = data();
    const entry = { name: nameBytes, offset, bytes, crc32: crc32(content) };
    this.write(localHeader(entry));
    this.write(content);
    this.entries.push(entry);
  }

  finish(): void {
    const start = this.position;
    for (const entry of this.entries) this.write(centralHeader(entry));
    this.write(endRecords(start, this.position - start, this.entries.length));
  }

  private write(bytes: Uint8Array): void {
    writeBytes(this.descriptor, bytes);
    this.position += bytes.byteLength;
  }
}

/** Sizes that do not fit, then (in the directory) an offset that does not. */
function zip64({ bytes, offset }: Written, isCentral: boolean): Buffer {
  const wide = [...(bytes >= largest32 ? [bytes, bytes] : []), ...(isCentral && offset >= largest32 ? [offset] : [])];
  if (wide.length === 0) return Buffer.alloc(0);
  const extra = Buffer.alloc(4 + 8 * wide.length);
  extra.writeUInt16LE(1, 0);
  extra.writeUInt16LE(8 * wide.length, 2);
  for (const [i, value] of wide.entries()) extra.writeBigUInt64LE(BigInt(value), 4 + 8 * i);
  return extra;
}

/** The 26 bytes that both headers share, from "version needed" to the length of the extra field. */
function shared(entry: Written, extraBytes: number): Buffer {
  const part = Buffer.alloc(26);
  part.writeUInt16LE(entry.bytes >= largest32 || entry.offset >= largest32 ? 45 : 20, 0);
  part.writeUInt16LE(0x0800, 2); // names in UTF-8
  part.writeUInt16LE(0x21, 8); // 1980-01-01: the same bytes whenever it is written
  part.writeUInt32LE(entry.crc32, 10);
  part.writeUInt32LE(Math.min(entry.bytes, largest32), 14);
  part.writeUInt32LE(Math.min(entry.bytes, largest32), 18);
  part.writeUInt16LE(entry.name.length, 22);
  part.writeUInt16LE(extraBytes, 24);
  return part;
}

function localHeader(entry: Written): Buffer {
  const extra = zip64(entry, false);
  const before = entry.offset + 30 + entry.name.length + extra.length + 4;
  const padding = Buffer.alloc(4 + ((alignment - (before % alignment)) % alignment));
  padding.write("FB", "latin1"); // torch's own field for padding
  padding.writeUInt16LE(padding.length - 4, 2);
  return Buffer.concat([
    Buffer.from("PK\x03\x04", "latin1"),
    shared(entry, extra.length + padding.length),
    entry.name,
    extra,
    padding,
  ]);
}

function centralHeader(entry: Written): Buffer {
  const extra = zip64(entry, true);
  const rest = Buffer.alloc(14);
  rest.writeUInt32LE(Math.min(entry.offset, largest32), 10);
  const madeBy = Buffer.from([45, 0]);
  return Buffer.concat([
    Buffer.from("PK\x01\x02", "latin1"),
    madeBy,
    shared(entry, extra.length),
    rest,
    entry.name,
    extra,
  ]);
}

function endRecords(start: number, bytes: number, count: number): Buffer {
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  end.writeUInt16LE(Math.min(count, 0xffff), 8);
  end.writeUInt16LE(Math.min(count, 0xffff), 10);
  end.writeUInt32LE(Math.min(bytes, largest32), 12);
  end.writeUInt32LE(Math.min(start, largest32), 16);
  if (start + bytes < largest32 && count < 0xffff) return end;
  const wide = Buffer.alloc(56 + 20);
  wide.write("PK\x06\x06", "latin1");
  wide.writeBigUInt64LE(44n, 4);
  wide.writeUInt16LE(45, 12);
  wide.writeUInt16LE(45, 14);
  for (const [i, value] of [count, count, bytes, start].entries()) wide.writeBigUInt64LE(BigInt(value), 24 + 8 * i);
  wide.write("PK\x06\x07", 56, "latin1");
  wide.writeBigUInt64LE(BigInt(start + bytes), 64);
  wide.writeUInt32LE(1, 72);
  return Buffer.concat([wide, end]);
}
