/**
 * What torch.save writes (the ZIP format of PyTorch 1.6 and later): one pickle that describes, and one stored entry for
 * each storage. Read without running anything (torch/pickle.ts); tensors' data is read when asked for.
 *
 * The format before 1.6 and TorchScript archives are refused by name.
 */
import { crc32 } from "node:zlib";
import { type ByteSource, bytesInMemory, openBytes } from "./bytes.js";
import { elementBytes, type RawTensor } from "./dtype.js";
import { excerpt, FormatError } from "./errors.js";
import { type PickleValue, type Storage, storageOf, type TorchTensor, Unfit } from "./torch/globals.js";
import { maximumPickleBytes, readPickle } from "./torch/pickle.js";
import { isZip, readZip, type ZipEntry } from "./torch/zip.js";

export { Namespace, type PickleValue, TorchTensor } from "./torch/globals.js";
export { writeTorch } from "./torch/write.js";

/** An open file of torch.save: its description is read and checked, the data of a tensor is read when asked for. */
export class TorchFile {
  private constructor(
    private readonly bytes: ByteSource,
    private readonly entries: ReadonlyMap<string, ZipEntry>,
    private readonly folder: string,
    /** What was saved, with a TorchTensor in the place of each tensor. */
    readonly content: PickleValue,
  ) {}

  get path(): string {
    return this.bytes.path;
  }

  /**
   * Opens a file and reads its description. Takes less than 256 MB whatever the file says (test/formats).
   * @throws FormatError "refused" naming what is neither tensor nor container; "truncated", "bad-offsets", "damaged", …
   */
  static open(path: string): TorchFile {
    const bytes = openBytes(path, "file of torch.save");
    try {
      return TorchFile.over(bytes);
    } catch (error) {
      bytes.close();
      throw error;
    }
  }

  /** The same over bytes in memory. */
  static fromBytes(bytes: Uint8Array, path = "(memory)"): TorchFile {
    return TorchFile.over(bytesInMemory(bytes, path));
  }

  private static over(bytes: ByteSource): TorchFile {
    if (!isZip(bytes.read(0, Math.min(4, bytes.size)))) throw foreign(bytes);
    const entries = readZip(bytes);
    const root = rootOf(bytes, [...entries.keys()]);
    checkByteOrder(bytes, entries.get(`${root}byteorder`));
    const description = readWhole(bytes, entries.get(`${root}data.pkl`) as ZipEntry);
    const find = (id: PickleValue): Storage => findStorage(bytes, entries, `${root}data/`, id);
    const { value } = readPickle(description, bytes.path, find);
    return new TorchFile(bytes, entries, `${root}data/`, value);
  }

  /**
   * A tensor's elements in C order, whatever its strides. @throws FormatError "damaged" where the checksum of a storage that
   * is read whole differs; "closed", "truncated"
   */
  read(tensor: TorchTensor): RawTensor {
    const { storage, dtype, offset, shape, strides } = tensor;
    const entry = this.entries.get(this.folder + storage.key);
    if (entry === undefined) throw absent(this.bytes, storage.key);
    const size = elementBytes[dtype];
    const count = shape.reduce((product, side) => product * side, 1);
    if (count === 0) return { dtype, shape, data: new Uint8Array(0) };
    const span = shape.reduce((sum, side, i) => sum + (side - 1) * (strides[i] as number), 1); // elements from first to last
    const [from, to] = [entry.start + offset * size, entry.start + (offset + span) * size];
    const data = this.bytes.read(from, to);
    if (to - from === entry.end - entry.start) checkSum(this.bytes, entry, data);
    return { dtype, shape, data: isContiguous(shape, strides) ? data : gather(data, size, shape, strides) };
  }

  /** A second call does nothing. */
  close(): void {
    this.bytes.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function foreign(bytes: ByteSource): FormatError {
  const first = Buffer.from(bytes.read(0, Math.min(64, bytes.size)));
  const isLegacy = first[0] === 0x80 && first.includes(Buffer.from("6cfc9c46f9206aa85019", "hex")); // its magic number
  return new FormatError({
    code: isLegacy ? "unsupported" : "bad-magic",
    path: bytes.path,
    expected: "an archive of torch.save",
    actual: isLegacy
      ? "the format from before PyTorch 1.6"
      : `a file that begins with ${first.toString("hex", 0, 4) || "nothing"}`,
    ...(isLegacy ? { remedy: "In Python: torch.save(torch.load(path, weights_only=True), path) writes today's." } : {}),
  });
}

/** The folder inside the archive, named after the file it was saved as. */
function rootOf({ path }: ByteSource, names: readonly string[]): string {
  const found = names.filter((name) => /^[^/]+\/data\.pkl$/.test(name));
  const [first] = found;
  if (first !== undefined && found.length === 1) return first.slice(0, -"data.pkl".length);
  const expected = "an archive of torch.save, with one data.pkl in it";
  throw new FormatError({ code: "missing", path, expected, actual: `${found.length} of that name` });
}

function checkByteOrder(bytes: ByteSource, entry: ZipEntry | undefined): void {
  if (entry === undefined) return; // before PyTorch 2.1, and then of little-endian machines
  const order = Buffer.from(bytes.read(entry.start, Math.min(entry.end, entry.start + 16))).toString("latin1");
  if (order === "little") return;
  const remedy = "Save it again on a little-endian machine.";
  throw new FormatError({
    code: "unsupported",
    path: bytes.path,
    expected: "little-endian data",
    actual: excerpt(order),
    remedy,
  });
}

function readWhole(bytes: ByteSource, entry: ZipEntry): Uint8Array {
  if (entry.end - entry.start > maximumPickleBytes) {
    const expected = `a description of at most ${maximumPickleBytes} bytes`;
    throw new FormatError({ code: "too-large", path: bytes.path, expected, actual: `${entry.end - entry.start}` });
  }
  const data = bytes.read(entry.start, entry.end);
  checkSum(bytes, entry, data);
  return data;
}

/** torch can be told to leave checksums out (set_crc32_options); it then writes zero. */
function checkSum(bytes: ByteSource, entry: ZipEntry, data: Uint8Array): void {
  if (entry.crc32 === 0 || crc32(data) === entry.crc32) return;
  const expected = `the checksum ${entry.crc32.toString(16)} for ${excerpt(entry.name)}`;
  const remedy = "The file is damaged; copy or download it again.";
  throw new FormatError({ code: "damaged", path: bytes.path, expected, actual: crc32(data).toString(16), remedy });
}

function findStorage(
  bytes: ByteSource,
  entries: ReadonlyMap<string, ZipEntry>,
  folder: string,
  id: PickleValue,
): Storage {
  const storage = storageNamed(bytes, id);
  const entry = entries.get(folder + storage.key);
  if (entry === undefined) throw absent(bytes, storage.key);
  if (entry.end - entry.start === storage.bytes) return storage;
  throw new FormatError({
    code: "bad-offsets",
    path: bytes.path,
    expected: `${storage.bytes} bytes in ${excerpt(entry.name)}, as the description says`,
    actual: `${entry.end - entry.start}`,
  });
}

function storageNamed({ path }: ByteSource, id: PickleValue): Storage {
  try {
    return storageOf(id);
  } catch (error) {
    if (!(error instanceof Unfit)) throw error;
    throw new FormatError({ code: "bad-data", path, expected: error.message, actual: "something else" });
  }
}

function absent({ path }: ByteSource, key: string): FormatError {
  return new FormatError({ code: "missing", path, expected: `the data of storage ${excerpt(key)}`, actual: "none" });
}

function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] !== 1 && strides[i] !== step) return false;
    step *= shape[i] as number;
  }
  return true;
}

/** Elements in C order. `data` begins at the first one. */
function gather(data: Uint8Array, size: number, shape: readonly number[], strides: readonly number[]): Uint8Array {
  const count = shape.reduce((product, side) => product * side, 1);
  const out = new Uint8Array(count * size);
  const index = new Array<number>(shape.length).fill(0);
  let from = 0;
  for (let n = 0; n < count; n++) {
    for (let byte = 0; byte < size; byte++) out[n * size + byte] = data[from * size + byte] as number;
    for (let d = shape.length - 1; d >= 0; d--) {
      index[d] = (index[d] as number) + 1;
      from += strides[d] as number;
      if ((index[d] as number) < (shape[d] as number)) break;
      from -= (shape[d] as number) * (strides[d] as number);
      index[d] = 0;
    }
  }
  return out;
}
